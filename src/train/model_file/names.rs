//! The names of a file's tensors, without what PyTorch's wrappers put before them.

use std::collections::BTreeMap;

use crate::escape::Shown;

/// What `DataParallel` and `torch.compile` put before the name of every parameter.
const PREFIXES: [&str; 2] = ["module.", "_orig_mod."];

/// The full name in the file for each name without prefixes.
///
/// # Errors
///
/// Two tensors that have the same name then, or different prefixes: they are not of one network.
pub(super) fn without_prefixes<'a>(mut names: Vec<&'a str>) -> Result<BTreeMap<&'a str, &'a str>, String> {
    names.sort_unstable();
    let mut full_names = BTreeMap::new();
    for &name in &names {
        if let Some(other) = full_names.insert(bare(name), name) {
            return Err(format!(
                "tensors `{}` and `{}` are both `{}` of the network: keep only one of them",
                other.shown(),
                name.shown(),
                bare(name).shown()
            ));
        }
    }
    let prefix = |name: &'a str| &name[..name.len() - bare(name).len()];
    match names.iter().find(|name| prefix(name) != prefix(names[0])) {
        Some(name) => Err(format!(
            "tensors `{}` and `{}` have different prefixes: save all of one network's state_dict together",
            names[0].shown(),
            name.shown()
        )),
        None => Ok(full_names),
    }
}

fn bare(mut name: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_go_in_any_order_and_number() {
        for prefix in ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."] {
            let [weight, bias] = ["fc1.weight", "fc1.bias"].map(|name| format!("{prefix}{name}"));
            let names = without_prefixes(vec![&weight, &bias]).unwrap();
            assert_eq!(names, BTreeMap::from([("fc1.weight", &*weight), ("fc1.bias", &*bias)]));
        }
        assert_eq!(bare("my.module.weight"), "my.module.weight");
        assert_eq!(without_prefixes(Vec::new()), Ok(BTreeMap::new()));
    }

    #[test]
    fn a_clash_and_a_mixture_are_refused_by_name() {
        let clash = without_prefixes(vec!["module.fc1.bias", "fc1.bias"]).unwrap_err();
        assert!(clash.contains("`fc1.bias` and `module.fc1.bias` are both `fc1.bias`"), "{clash}");
        let mixture = without_prefixes(vec!["module.fc1.bias", "fc1.weight"]).unwrap_err();
        assert!(mixture.contains("`fc1.weight` and `module.fc1.bias` have different prefixes"), "{mixture}");
    }
}
