//! The comparator itself: what it must let pass, and above all what it must not.

use digit_adder::selftest::comparator::{Tol, close, nmse};

const WANT: [f64; 5] = [1.0, -2.0, 0.0, 4.0, 1e-3];
const TOL: Tol = Tol { absolute: 1e-6, relative: 1e-4 };

fn both_reject(got: &[f64], want: &[f64], must_name: &[&str]) {
    let messages = [close("conv1.weight", got, want, TOL), nmse("conv1.weight", got, want, 1e-10)]
        .map(|result| result.expect_err("a mismatch passed").to_string());
    for message in messages {
        for part in must_name.iter().chain(&["conv1.weight"]) {
            assert!(message.contains(part), "{message:?} does not say {part:?}");
        }
    }
}

#[test]
fn equal_numbers_pass() {
    assert_eq!(close("x", &WANT, &WANT, TOL), Ok(0.0));
    assert_eq!(nmse("x", &WANT, &WANT, 1e-10), Ok(0.0));
    assert_eq!(close("x", &[0.0f32; 3], &[0.0f64; 3], Tol::absolute(0.0)), Ok(0.0));
    assert_eq!(nmse("x", &[0.0f32; 3], &[0.0f64; 3], 1e-10), Ok(0.0));
}

#[test]
fn any_one_number_that_is_off_is_caught_and_named() {
    for index in 0..WANT.len() {
        let mut got = WANT;
        got[index] += 0.01;
        both_reject(&got, &WANT, &[&format!("[{index}]"), "of the budget"]);
    }
}

#[test]
fn numbers_that_are_not_finite_are_caught_wherever_they_stand() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for index in 0..WANT.len() {
            let mut wrong = WANT;
            wrong[index] = bad;
            let place = format!("[{index}]");
            both_reject(&wrong, &WANT, &[&place]);
            both_reject(&WANT, &wrong, &[&place]);
            both_reject(&wrong, &wrong, &[&place]);
        }
    }
}

#[test]
fn f32_is_compared_as_well() {
    assert!(close("x", &[f32::NAN], &[0.0f64], TOL).is_err());
    assert!(close("x", &[1.0f32], &[1.0f64 + 1e-9], TOL).is_ok());
}

#[test]
fn lengths_must_agree_and_something_must_be_compared() {
    both_reject(&WANT[..4], &WANT, &["4", "5"]);
    both_reject(&WANT, &WANT[..4], &["5", "4"]);
    both_reject(&[], &[], &["no numbers"]);
}

#[test]
fn the_budget_is_the_border() {
    let tol = Tol { absolute: 0.25, relative: 0.125 };
    assert_eq!(tol.budget(-2.0), 0.5);
    assert_eq!(close("x", &[2.5], &[2.0], tol), Ok(1.0));
    assert_eq!(close("x", &[2.25], &[2.0], tol), Ok(0.5));
    assert!(close("x", &[2.5f64.next_up()], &[2.0], tol).is_err());
    assert!(close("x", &[1e-300], &[0.0], Tol::absolute(0.0)).is_err());
}

#[test]
fn the_message_says_what_was_got_and_wanted() {
    let message = close("fc2.weight", &[1.0, 2.5], &[1.0, 2.0], Tol::absolute(0.25)).unwrap_err().to_string();
    for part in ["fc2.weight[1]", "got 2.5e0", "want 2e0", "2.000 of the budget 2.5e-1"] {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn a_tolerance_that_is_no_number_passes_nothing() {
    assert!(close("x", &WANT, &WANT, Tol::absolute(f64::NAN)).is_err());
    assert!(close("x", &[1.5], &[1.0], Tol::absolute(f64::INFINITY)).is_err());
    assert!(nmse("x", &WANT, &WANT, f64::NAN).is_err());
}

#[test]
fn a_reduction_is_allowed_the_roundings_of_its_length() {
    let tol = Tol::reduction(256, 0.5);
    assert_eq!(tol, Tol::absolute(4.0 * 2f64.powi(-23) * 16.0 * 0.5));
}

#[test]
fn the_normalised_error_is_that_of_the_formula() {
    let error = nmse("x", &[3.0, 4.5], &[3.0, 4.0], 0.5).unwrap();
    assert!((error - 0.25 / 25.0).abs() <= 1e-15, "{error}");
    assert!(nmse("x", &[3.0, 4.5], &[3.0, 4.0], 0.0099).is_err());
    assert!(nmse("x", &[1e-30, 0.0], &[0.0, 0.0], 1e-10).is_err(), "zeros must match zeros");
}
