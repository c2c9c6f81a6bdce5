//! Changed images of the CPU engine against the reference in f64.

use digit_adder::data::{Augment, PIXELS, draw};
use digit_adder::lanes::Instructions;
use digit_adder::lanes::augment::Change;
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::augment;

/// The most that a grey value may differ before it is rounded, as for the shader's.
const BUDGET: f64 = 0.02;

/// How far the changed images are from what the reference makes of `other` images and keys.
fn worst(amount: &Augment, instructions: Instructions, other: u32) -> f64 {
    let mut random = Random::new(3, Purpose::Test, 0);
    let mut worst = 0.0_f64;
    for n in 0..100_u32 {
        let image = draw((n % 10) as u8, &mut random);
        let key = [n.wrapping_mul(0x9e37_79b9), 7];
        let mut changed = [255; PIXELS];
        instructions.run(Change { amount, key, n, image: &image, changed: &mut changed });
        let reference = augment::forward::<f64>(amount, &image, n + other, key);
        for (changed, grey) in changed.into_iter().zip(reference) {
            // What rounding explains is no difference.
            worst = worst.max((f64::from(changed) - grey).abs() - 0.5);
        }
    }
    worst
}

#[test]
fn changed_images_are_those_of_the_reference() {
    for text in
        ["light", "full", "elastic=28", "rotation=45,scale=0.5,shear=1,shift=28,elastic=28", "shift=28"]
    {
        let amount = text.parse().unwrap();
        for instructions in Instructions::all() {
            let worst = worst(&amount, instructions, 0);
            println!("{text}, {}: {worst:.1e}", instructions.name());
            assert!(worst <= BUDGET, "{text}, {}: {worst}", instructions.name());
        }
    }
}

#[test]
fn another_image_s_change_is_noticed() {
    for text in ["rotation=8", "scale=0.08", "shear=0.1", "shift=1.5", "elastic=2"] {
        assert!(worst(&text.parse().unwrap(), Instructions::best(), 1) > 1.0, "{text}");
    }
}

#[test]
fn nothing_changes_where_nothing_is_to() {
    let image = draw(3, &mut Random::new(3, Purpose::Test, 1));
    let mut changed = [255; PIXELS];
    let change = Change { amount: &Augment::NONE, key: [1, 2], n: 5, image: &image, changed: &mut changed };
    Instructions::best().run(change);
    assert_eq!(changed[..], image[..]);
}
