//! Accuracies that a training must reach.

use crate::escape::Shown;
use crate::network::Network;
use crate::report::accuracy::Accuracy;
use crate::train::Metrics;
use crate::{Error, Result};

/// An accuracy that a head must reach: `digit=99`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    head: String,
    percent: f64,
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong =
            || format!("`{}` must be a head and a share from 0 to 100, such as digit=99", text.shown());
        let (head, percent) = text.split_once('=').ok_or_else(wrong)?;
        match percent.trim().trim_end_matches('%').parse() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self { head: head.trim().into(), percent }),
            _ => Err(wrong()),
        }
    }
}

impl Target {
    /// Refuses a head that the network does not have.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with those that it has.
    pub(super) fn check(&self, network: &Network) -> Result<()> {
        let heads: Vec<&str> = network.heads().iter().map(|head| head.name.as_str()).collect();
        match heads.contains(&self.head.as_str()) {
            true => Ok(()),
            false => Err(Error::Usage(format!(
                "--target-acc: the network has no head `{}`, but {}",
                self.head,
                heads.join(" and ")
            ))),
        }
    }
}

/// Fails where a test missed a target.
///
/// # Errors
///
/// [`Error::Doubt`] with all that were missed.
pub(super) fn check(targets: &[Target], test: &Metrics) -> Result<()> {
    let missed = |target: &Target| {
        let head = test.heads.iter().find(|head| head.head == target.head)?;
        let percent = Accuracy::new(head.correct, test.images).percent;
        // Not `<`, which a NaN would pass.
        let reached = percent >= target.percent;
        (!reached).then(|| format!("{} {percent:.2} % of {} %", target.head, target.percent))
    };
    let missed: Vec<String> = targets.iter().filter_map(missed).collect();
    match missed.is_empty() {
        true => Ok(()),
        false => Err(Error::Doubt(format!("the test missed --target-acc: {}", missed.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Sizes;
    use crate::train::HeadMetrics;

    #[test]
    fn a_missed_target_is_named() {
        let target = |text: &str| text.parse::<Target>();
        for text in ["digit", "digit=", "digit=101", "digit=-1", "digit=NaN", "=x"] {
            assert!(target(text).is_err(), "{text}");
        }
        let network = Sizes::default().network().unwrap();
        assert!(target("sum=98").unwrap().check(&network).is_ok());
        assert!(
            target("parity=98").unwrap().check(&network).unwrap_err().to_string().contains("digit and sum")
        );
        let head = |head: &str, correct| HeadMetrics { head: head.into(), loss: 0.0, correct };
        let test = Metrics::new(1000, vec![head("digit", 990), head("sum", 979)]);
        let check =
            |texts: &[&str]| check(&texts.iter().map(|t| target(t).unwrap()).collect::<Vec<_>>(), &test);
        assert!(check(&["digit=99", "sum = 97.9%"]).is_ok());
        let error = check(&["digit=99", "sum=98"]).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().ends_with("sum 97.90 % of 98 %"), "{error}");
    }
}
