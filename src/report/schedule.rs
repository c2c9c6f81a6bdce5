//! A schedule as a table: what a training step replays.

use crate::program::Schedule;
use crate::program::schedule::{Bound, Step};

/// One line for each step: index, layer, op and entry, workgroups and their invocations, and the tensor with
/// its shape that is bound to each of the shader's variables.
pub(crate) fn listing(schedule: &Schedule) -> String {
    let mut rows = vec![["", "layer", "op.entry", "workgroups", "of", "bindings"].map(String::from)];
    for (index, step) in schedule.steps.iter().enumerate() {
        let kernel = &schedule.kernels[step.kernel];
        rows.push([
            index.to_string(),
            step.layer.clone(),
            kernel.name(),
            extent(step.workgroups),
            extent(kernel.workgroup),
            bindings(step),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(width);
    let lines = rows.iter().map(|row| {
        let cells: Vec<String> =
            (0..5).map(|column| format!("{:<width$}", row[column], width = widths[column])).collect();
        format!("{}  {}", cells.join("  "), row[5])
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `72x64`: trailing 1s are left out.
fn extent(counts: [u32; 3]) -> String {
    let used = counts.iter().rposition(|&count| count != 1).map_or(1, |last| last + 1);
    counts[..used].iter().map(u32::to_string).collect::<Vec<_>>().join("x")
}

fn bindings(step: &Step) -> String {
    let binding = |bound: &Bound| {
        let shape: Vec<String> = bound.shape.iter().map(usize::to_string).collect();
        format!("{}={}[{}]", bound.variable, bound.tensor.replace(' ', "_"), shape.join(","))
    };
    step.bindings.iter().map(binding).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Loss, Sizes};
    use crate::ops::adam::Adam;
    use crate::plans::{Kind, tiles::Tiles};
    use crate::wgsl::{Library, lower};

    #[test]
    fn both_plans_are_listed_whole() {
        let network = Sizes::default().network().unwrap();
        for kind in [Kind::Layered, Kind::Fused] {
            let program =
                kind.programs(&network, Loss::Logits, Adam::default(), Tiles::FAT).training(64).unwrap();
            let text = listing(&lower(&program, &Library::Embedded).unwrap());
            assert_eq!(text.lines().count(), program.dispatches.len() + 1);
            assert!(text.contains("adam.update") && text.contains("parameters["), "{text}");
        }
    }
}
