//! A fully connected layer and its gradients: see [`reference::linear`](mod@crate::reference::linear).
//!
//! Shapes: `x [inputs, lanes]`, `w [outputs, inputs]`, `b [outputs]`, `y [outputs, lanes]`.

mod forward;
mod input;
mod relu;
mod weights;

pub use forward::Forward;
pub use input::BackwardInput;
pub use relu::BackwardRelu;
pub use weights::BackwardWeights;
