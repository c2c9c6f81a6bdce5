//! The ways in which a file is saved, and a folder replaced.

use std::time::{Duration, Instant};

use digit_adder::plans::Kind;
use digit_adder::wgsl::watch::Watch;

use crate::run::{A_WHILE, PATIENCE, Run, STEPS, Shaders, leaky, text};

pub fn a_file_saved_as_it_was() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Layered)?;
    run.train_to(3)?;
    shaders.save("relu", text("relu"));
    run.train_for(A_WHILE)?;
    assert_eq!(run.said(), "", "nothing was changed");
    assert!(run.bits() == run.undisturbed()?, "different bits");
    Ok(())
}

/// Each save is a different text; the last one must be in use in the end.
pub fn twenty_saves() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Layered)?;
    let file = shaders.file("relu");
    let saver = std::thread::spawn(move || {
        for save in 0..20 {
            let last = save == 19;
            let text = if last { leaky() } else { format!("{}// Save {save}.\n", text("relu")) };
            std::fs::write(&file, text).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    while !saver.is_finished() {
        run.train_to(run.step + STEPS)?;
    }
    saver.join().unwrap();
    let said = run.train_until("relu.forward differs")?;
    let compiled = said.matches("reloaded relu.wgsl").count();
    assert!((1..=2).contains(&compiled), "{said}");
    run.train_for(A_WHILE)?;
    assert_eq!(run.said(), "");
    Ok(())
}

/// Several times, since the second save replaces a file that is already another one; all of the same size.
pub fn save_by_rename() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Layered)?;
    for comment in ["// One.\n", "// Two.\n", "// Six.\n"] {
        let beside = shaders.folder().join("relu.wgsl~");
        std::fs::write(&beside, format!("{}{comment}", text("relu"))).unwrap();
        std::fs::rename(&beside, shaders.file("relu")).unwrap();
        run.train_until("reloaded relu.wgsl: ")?;
    }
    assert!(run.bits() == run.undisturbed()?, "a comment has changed bits");
    Ok(())
}

pub fn a_file_that_is_gone() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Layered)?;
    std::fs::remove_file(shaders.file("relu")).unwrap();
    assert_eq!(run.train_until("gone")?, "relu.wgsl is gone; its last good text stays in use\n");
    run.train_for(A_WHILE)?;
    assert_eq!(run.said(), "", "reported once");
    // The others are taken over meanwhile.
    shaders.save("add", &format!("{}// Seen.\n", text("add")));
    assert!(run.train_until("reloaded ")?.starts_with("reloaded add.wgsl: "));
    assert!(run.bits() == run.undisturbed()?, "different bits");
    shaders.save("relu", &leaky());
    let said = run.train_until("reloaded relu.wgsl: ")?;
    assert!(said.contains("relu.wgsl is back\n"), "{said}");
    Ok(())
}

/// Looks until there is something new.
fn wait_for_news(watch: &mut Watch) -> Result<(), String> {
    let start = Instant::now();
    while !watch.look() {
        if start.elapsed() > PATIENCE {
            return Err("the change was never seen".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

pub fn a_file_that_never_rests() -> Result<(), String> {
    let shaders = Shaders::new();
    let (sender, said) = std::sync::mpsc::channel();
    let say = move |message: &str| drop(sender.send(message.to_string()));
    let mut watch = Watch::new(shaders.folder(), say).map_err(|e| e.to_string())?;
    for round in 1..=2 {
        let start = Instant::now();
        let mut text = String::new();
        while start.elapsed() < Duration::from_millis(2500) {
            text = format!("{}// Round {round}, at {:?}.\n", super::run::text("relu"), start.elapsed());
            shaders.save("relu", &text);
            std::thread::sleep(Duration::from_millis(60));
            assert!(!watch.look(), "it has not settled");
        }
        let said: Vec<String> = said.try_iter().collect();
        assert!(
            said.len() == 1 && said[0].starts_with("waiting for relu.wgsl, which keeps changing"),
            "{said:?}"
        );
        wait_for_news(&mut watch)?;
        assert_eq!(watch.texts()["relu"], text);
    }
    Ok(())
}

pub fn a_byte_order_mark_is_dropped() -> Result<(), String> {
    let shaders = Shaders::new();
    shaders.save("add", &format!("\u{feff}{}", text("add")));
    let mut watch = Watch::new(shaders.folder(), |_| {}).map_err(|e| e.to_string())?;
    assert_eq!(watch.texts()["add"], text("add"));
    shaders.save("relu", &format!("\u{feff}{}", leaky()));
    wait_for_news(&mut watch)?;
    assert_eq!(watch.texts()["relu"], leaky());
    Ok(())
}

/// As where each version of the shaders has a folder of its own, and a link names the one in use.
pub fn a_link_that_is_pointed_elsewhere() -> Result<(), String> {
    #[cfg(unix)]
    {
        let (one, other, home) = (Shaders::new(), Shaders::new(), tempfile::tempdir().unwrap());
        other.save("relu", &leaky());
        let [link, beside] = ["link", "beside"].map(|name| home.path().join(name));
        std::os::unix::fs::symlink(one.folder(), &link).unwrap();
        let mut watch = Watch::new(&link, |_| {}).map_err(|e| e.to_string())?;
        assert_eq!((watch.folder(), &watch.texts()["relu"][..]), (&*link, text("relu")));
        std::os::unix::fs::symlink(other.folder(), &beside).unwrap();
        std::fs::rename(&beside, &link).unwrap();
        wait_for_news(&mut watch)?;
        assert_eq!(watch.texts()["relu"], leaky());
    }
    Ok(())
}
