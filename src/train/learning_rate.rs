//! The learning rate of every step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::data::Amount;

/// How the learning rate changes over a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays what it is.
    #[default]
    Constant,
    /// It falls to 0 along half a cosine.
    Cosine,
    /// It falls to a tenth after half of all steps, and to a hundredth after three quarters.
    Step,
    /// It rises from a 25th and falls to almost nothing, as PyTorch's OneCycleLR lets it by default.
    OneCycle,
}

/// The word that `--lr-schedule` takes.
impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Cosine => "cosine",
            Self::Step => "step",
            Self::OneCycle => "one-cycle",
        })
    }
}

/// The highest rate of [`Schedule::OneCycle`] is this many times its first.
const CYCLE_START: f64 = 25.0;
/// Its first rate is this many times its last.
const CYCLE_END: f64 = 1e4;
/// The share of the steps in which it rises, unless a warm-up says otherwise.
const CYCLE_RISE: f64 = 0.3;

/// The learning rate of every step of a training, a function of the step alone: a training that is continued
/// takes its next step with the rate that it would have had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRate {
    base: f32,
    schedule: Schedule,
    /// Steps in which the rate rises; of one cycle, not always whole.
    warmup: f64,
    /// All steps of the training.
    steps: f64,
}

impl LearningRate {
    /// The same for every step.
    pub fn constant(rate: f32) -> Self {
        Self::new(rate, Schedule::Constant, None, u64::MAX)
    }

    /// That of a training of so many `steps`: `base` is the highest rate, which is reached at the end of the
    /// warm-up.
    pub fn new(base: f32, schedule: Schedule, warmup: Option<Amount>, steps: u64) -> Self {
        let all = steps.max(1) as f64;
        let warmup = match (warmup, schedule) {
            (Some(Amount::Count(count)), _) => f64::from(count),
            (Some(Amount::Percent(percent)), Schedule::OneCycle) => all * f64::from(percent) / 100.0,
            (Some(Amount::Percent(percent)), _) => (all * f64::from(percent) / 100.0).round(),
            (None, Schedule::OneCycle) => all * CYCLE_RISE,
            (None, _) => 0.0,
        };
        Self { base, schedule, warmup, steps: all }
    }

    /// That of a step; steps count from 1. After the last step it stays what it was there. It is never 0,
    /// unless the highest rate is.
    pub fn at(&self, step: u32) -> f32 {
        let rate = (f64::from(self.base) * self.factor(step)) as f32;
        if rate == 0.0 { self.base.min(f32::MIN_POSITIVE) } else { rate }
    }

    /// What the highest rate is multiplied by.
    fn factor(&self, step: u32) -> f64 {
        let Self { schedule, warmup, steps, .. } = *self;
        let step = f64::from(step.max(1)).min(steps);
        if schedule == Schedule::OneCycle {
            return one_cycle(step - 1.0, warmup, steps);
        }
        if step <= warmup {
            return step / warmup;
        }
        // Of the step's beginning.
        let done = step - 1.0;
        match schedule {
            // Half of 1 + cos(pi x) at x = (done - warmup) / (steps - warmup), without losing the digits of
            // what is left at the end.
            Schedule::Cosine => (PI / 2.0 * (steps - done) / (steps - warmup)).sin().powi(2),
            Schedule::Step if done >= 0.75 * steps => 0.01,
            Schedule::Step if done >= 0.5 * steps => 0.1,
            Schedule::Constant | Schedule::Step | Schedule::OneCycle => 1.0,
        }
    }
}

/// PyTorch's OneCycleLR: from `1 / CYCLE_START` to 1 at the last of `rise` steps and to
/// `1 / CYCLE_START / CYCLE_END` at the last of all, along half a cosine each. `done` steps lie behind.
fn one_cycle(done: f64, rise: f64, steps: f64) -> f64 {
    let (start, end) = (1.0 / CYCLE_START, 1.0 / CYCLE_START / CYCLE_END);
    let (peak, last) = (rise - 1.0, steps - 1.0);
    let along = |from: f64, to: f64, x: f64| to + (from - to) / 2.0 * (1.0 + (PI * x).cos());
    if done < peak {
        along(start, 1.0, done / peak)
    } else if done < last {
        along(1.0, end, (done - peak) / (last - peak))
    } else if peak < last {
        end
    } else {
        1.0
    }
}

impl From<f32> for LearningRate {
    fn from(rate: f32) -> Self {
        Self::constant(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULES: [Schedule; 4] =
        [Schedule::Constant, Schedule::Cosine, Schedule::Step, Schedule::OneCycle];

    fn all(schedule: Schedule, warmup: Option<&str>, steps: u32) -> Vec<f32> {
        let rate =
            LearningRate::new(2.0, schedule, warmup.map(|amount| amount.parse().unwrap()), steps.into());
        (1..=steps).map(|step| rate.at(step)).collect()
    }

    fn close(got: &[f32], want: &[f64]) {
        let close = |(&got, &want): (&f32, &f64)| (f64::from(got) - want).abs() <= 1e-6 * want;
        assert!(got.len() == want.len() && got.iter().zip(want).all(close), "{got:?}, not {want:?}");
    }

    #[test]
    fn rates_are_those_of_their_formulas() {
        assert_eq!(all(Schedule::Constant, None, 3), [2.0; 3]);
        assert_eq!(all(Schedule::Constant, Some("4"), 6), [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]);
        assert_eq!(all(Schedule::Constant, Some("50%"), 5), [2.0 / 3.0, 4.0 / 3.0, 2.0, 2.0, 2.0]);
        assert_eq!(all(Schedule::Constant, Some("8"), 3), [0.25, 0.5, 0.75]);
        assert_eq!(all(Schedule::Step, None, 8), [2.0, 2.0, 2.0, 2.0, 0.2, 0.2, 0.02, 0.02]);
        assert_eq!(all(Schedule::Step, Some("2"), 5), [1.0, 2.0, 2.0, 0.2, 0.02]);
        let root = 0.5f64.sqrt();
        close(&all(Schedule::Cosine, None, 4), &[2.0, 1.0 + root, 1.0, 1.0 - root]);
        close(&all(Schedule::Cosine, Some("40%"), 5), &[1.0, 2.0, 2.0, 1.5, 0.5]);
    }

    /// What torch.optim.lr_scheduler.OneCycleLR(max_lr=0.02, total_steps=.., pct_start=..) gave in 2.15.
    #[test]
    fn one_cycle_is_pytorchs() {
        let check = |warmup: Option<&str>, steps: u64, want: &[(u32, f64)]| {
            let warmup = warmup.map(|amount| amount.parse().unwrap());
            let rate = LearningRate::new(0.02, Schedule::OneCycle, warmup, steps);
            let got: Vec<f32> = want.iter().map(|&(step, _)| rate.at(step)).collect();
            close(&got, &want.iter().map(|&(_, rate)| rate).collect::<Vec<_>>());
        };
        let ten = [0.0008, 0.0104, 0.02, 0.019009692640269475, 0.016234913078995262, 0.012225240438725785];
        let ten = ten.into_iter().chain([0.007774839561274216, 0.00376516692100474, 0.0009903873597305257]);
        let ten: Vec<(u32, f64)> = (1..).zip(ten.chain([8e-8])).collect();
        check(None, 10, &ten);
        check(Some("3"), 10, &ten);
        check(
            None,
            1000,
            &[
                (1, 0.0008),
                (2, 0.000800529900843356),
                (150, 0.01034956663754906),
                (999, 1.807096771073992e-7),
            ],
        );
        check(
            Some("12.5%"),
            2811,
            &[(200, 0.012434174675222853), (352, 0.019999996813673857), (353, 0.01999997846044186)],
        );
        check(Some("40%"), 7, &[(2, 0.012067022505602529), (3, 0.019888308709018237), (7, 8e-8)]);
        check(Some("100%"), 10, &[(1, 0.0008), (5, 0.008732977494397467), (10, 0.02)]);
        check(None, 3, &[(1, 0.019888308709018237), (2, 0.0092527420533395), (3, 8e-8)]);
        check(None, 2, &[(1, 0.01623491307899526), (2, 8e-8)]);
        check(None, 1, &[(1, 8e-8)]);
        // PyTorch divides by 0 here.
        check(Some("1"), 3, &[(1, 0.02), (2, 0.01 + 4e-8), (3, 8e-8)]);
    }

    #[test]
    fn every_rate_is_a_positive_number_and_the_last_one_stays() {
        let warmups =
            [None, Some("1"), Some("7"), Some("4000000000"), Some("0.01%"), Some("33.3%"), Some("100%")];
        for (schedule, warmup) in SCHEDULES.into_iter().flat_map(|s| warmups.map(|w| (s, w))) {
            let warmup = warmup.map(|amount| amount.parse().unwrap());
            for base in [1e-3, f32::MIN_POSITIVE, 1e-40, f32::MAX] {
                for steps in [1, 2, 3, 7, 1000, 4_000_000_000] {
                    let rate = LearningRate::new(base, schedule, warmup, steps);
                    let last = steps as u32;
                    for step in [1, 2, 3, 4, 500, last / 3, last / 2, last - last / 4, last - 1, last] {
                        let rate = rate.at(step);
                        let what =
                            format!("{schedule}, {warmup:?}, {base:e}, step {step} of {steps}: {rate:e}");
                        assert!(rate > 0.0 && rate <= base, "{what}");
                    }
                    assert_eq!(rate.at(last), rate.at(last + 5), "{schedule}, {warmup:?}");
                }
            }
        }
        assert_eq!(LearningRate::new(1.0, Schedule::Cosine, None, 0).at(1), 1.0);
        assert_eq!(LearningRate::constant(0.0).at(1), 0.0);
        assert!(LearningRate::constant(f32::NAN).at(9).is_nan());
    }

    #[test]
    fn the_words_are_those_of_the_flag() {
        for schedule in SCHEDULES {
            let word = schedule.to_string();
            assert_eq!(serde_json::to_string(&schedule).unwrap(), format!("\"{word}\""));
            assert_eq!(<Schedule as clap::ValueEnum>::from_str(&word, false), Ok(schedule));
        }
    }
}
