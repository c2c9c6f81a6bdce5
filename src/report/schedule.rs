//! A program as a table: what a training step replays.

use crate::Result;
use crate::gpu::kernel;
use crate::gpu::shader::Library;
use crate::program::{Dispatch, Program};

/// One line a dispatch: index, layer, op and entry, workgroups and their invocations, and the tensor with
/// its shape behind each of the shader's variables.
///
/// # Errors
/// A shader that does not fit its dispatch.
pub fn listing(program: &Program) -> Result<String> {
    let mut rows = vec![["", "layer", "op.entry", "workgroups", "of", "bindings"].map(String::from)];
    for (index, dispatch) in program.dispatches.iter().enumerate() {
        let Dispatch { layer, shader, entry, threads, .. } = dispatch;
        let (_, interface) = kernel::specialised(&Library::Embedded, dispatch)?;
        let size = interface.workgroup.map(|size| size as usize);
        let workgroups = [0, 1, 2].map(|axis| threads[axis].div_ceil(size[axis]));
        rows.push([
            index.to_string(),
            layer.clone(),
            format!("{shader}.{entry}"),
            extent(workgroups),
            extent(size),
            bindings(program, dispatch),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(width);
    let lines = rows.iter().map(|row| {
        let cells: Vec<String> =
            (0..5).map(|column| format!("{:<width$}", row[column], width = widths[column])).collect();
        format!("{}  {}", cells.join("  "), row[5])
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// `72x64`: the trailing ones are left out.
fn extent(counts: [usize; 3]) -> String {
    let used = counts.iter().rposition(|&count| count != 1).map_or(1, |last| last + 1);
    counts[..used].iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

fn bindings(program: &Program, dispatch: &Dispatch) -> String {
    let binding = |&(variable, tensor)| {
        let info = program.info(tensor);
        let shape: Vec<String> = info.shape.iter().map(usize::to_string).collect();
        format!("{variable}={}[{}]", info.name.replace(' ', "_"), shape.join(","))
    };
    dispatch.bindings.iter().map(binding).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Sizes;
    use crate::plans::{Kind, tiles::Tiles};
    use crate::train::Loss;

    #[test]
    fn both_plans_are_listed_whole() {
        for kind in [Kind::Layered, Kind::Fused] {
            let program = kind.programs(Sizes::default(), Loss::Logits, Tiles::FAT).training(64).unwrap();
            let text = listing(&program).unwrap();
            assert_eq!(text.lines().count(), program.dispatches.len() + 1);
            assert!(text.contains("adam.update") && text.contains("parameters["), "{text}");
        }
    }
}
