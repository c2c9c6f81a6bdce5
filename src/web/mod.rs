//! The browser page: a static site that replays this program's schedules, and a server for those who have none.

mod assets;
mod description;
mod digits;
mod request;
mod server;
mod site;

pub use assets::{ASSETS, Asset};
pub use server::{Content, Server};
pub use site::{Site, write};
