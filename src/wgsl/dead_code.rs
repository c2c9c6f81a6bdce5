//! Drops what one kernel does not need of a shader: other entries, and branches that its constants rule out.
//!
//! A shader may hold a branch that only some devices can compile, under `if (LANES > 1u)`, say. Where
//! the constant says no, the kernel must not ask the device for it.

use naga::compact::{KeepUnused, compact};
use naga::{Arena, Block, Expression, Function, Handle, Literal, Module, Statement};

/// Drops every branch of a valid module whose condition is a constant that rules it out.
pub fn drop_dead_branches(module: &mut Module) {
    let Module { functions, entry_points, constants, global_expressions, .. } = module;
    let entries = entry_points.iter_mut().map(|entry| &mut entry.function);
    for function in functions.iter_mut().map(|(_, function)| function).chain(entries) {
        let Function { expressions, named_expressions, body, .. } = function;
        let known = |condition| match expressions[condition] {
            Expression::Constant(constant) => truth(global_expressions, constants[constant].init),
            _ => truth(expressions, condition),
        };
        let mut dropped = Vec::new();
        *body = without_dead(std::mem::take(body), &known, &mut dropped);
        // A name would keep an expression that is no longer computed.
        for block in dropped {
            each_result(&block, &mut |result| {
                named_expressions.shift_remove(&result);
            });
        }
    }
    compact(module, KeepUnused::Yes);
}

/// Keeps one entry of a valid module and what it uses.
pub fn keep_entry(module: &mut Module, entry: &str) {
    module.entry_points.retain(|kept| kept.name == entry);
    compact(module, KeepUnused::No);
}

fn truth(expressions: &Arena<Expression>, at: Handle<Expression>) -> Option<bool> {
    match expressions[at] {
        Expression::Literal(Literal::Bool(truth)) => Some(truth),
        _ => None,
    }
}

fn without_dead(
    block: Block,
    known: &impl Fn(Handle<Expression>) -> Option<bool>,
    dropped: &mut Vec<Block>,
) -> Block {
    let mut kept = Block::new();
    for (statement, span) in block.span_into_iter() {
        let mut inside = |block| without_dead(block, known, dropped);
        let statement = match statement {
            Statement::If { condition, accept, reject } => match known(condition) {
                Some(truth) => {
                    let (taken, dead) = if truth { (accept, reject) } else { (reject, accept) };
                    let taken = Statement::Block(inside(taken));
                    dropped.push(dead);
                    taken
                }
                None => Statement::If { condition, accept: inside(accept), reject: inside(reject) },
            },
            Statement::Block(block) => Statement::Block(inside(block)),
            Statement::Loop { body, continuing, break_if } => {
                Statement::Loop { body: inside(body), continuing: inside(continuing), break_if }
            }
            other => other,
        };
        kept.push(statement, span);
    }
    kept
}

/// All expressions that a block computes.
fn each_result(block: &Block, found: &mut impl FnMut(Handle<Expression>)) {
    for statement in block {
        match statement {
            Statement::Emit(range) => range.clone().for_each(&mut *found),
            Statement::Call { result: Some(result), .. }
            | Statement::SubgroupBallot { result, .. }
            | Statement::SubgroupGather { result, .. }
            | Statement::SubgroupCollectiveOperation { result, .. }
            | Statement::WorkGroupUniformLoad { result, .. } => found(*result),
            Statement::Block(block) => each_result(block, found),
            Statement::If { accept: one, reject: other, .. }
            | Statement::Loop { body: one, continuing: other, .. } => {
                each_result(one, found);
                each_result(other, found);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::*;

    const TEXT: &str = "
const LANES: u32 = 1u;
const ON: bool = true;
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;
fn neighbour(x: f32) -> f32 { return subgroupShuffle(x, 0u); }
fn shared_value(x: f32, loud: bool) -> f32 {
    var found = x;
    if (LANES > 1u) { let other = neighbour(x); found = other + subgroupShuffle(other, 1u); }
    if (ON) { found *= 2.0; } else { found = z[0]; }
    if (loud) { found += 1.0; }
    return found;
}
@compute @workgroup_size(8) fn one(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = shared_value(1.0, id.y == 0u); }
@compute @workgroup_size(8) fn other(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = neighbour(2.0); }
";

    fn kernel(text: &str, entry: &str) -> Module {
        let mut module = naga::front::wgsl::parse_str(text).unwrap();
        drop_dead_branches(&mut module);
        keep_entry(&mut module, entry);
        module
    }

    fn is_valid(module: &Module, capabilities: Capabilities) -> bool {
        Validator::new(ValidationFlags::all(), capabilities).validate(module).is_ok()
    }

    #[test]
    fn what_a_constant_rules_out_asks_nothing_of_the_device() {
        let alone = kernel(TEXT, "one");
        assert!(is_valid(&alone, Capabilities::empty()));
        assert_eq!(alone.entry_points.len(), 1);
        assert_eq!(alone.functions.len(), 1);
        assert_eq!(alone.global_variables.len(), 1);
        for (text, entry) in [(TEXT, "other"), (&TEXT.replace("= 1u", "= 8u"), "one")] {
            let together = kernel(text, entry);
            assert!(!is_valid(&together, Capabilities::empty()), "{entry}");
            assert!(is_valid(&together, Capabilities::SUBGROUP), "{entry}");
        }
    }

    #[test]
    fn what_is_not_a_constant_stays() {
        let module = kernel(TEXT, "one");
        let (_, function) = module.functions.iter().next().unwrap();
        let ifs = function.body.iter().filter(|statement| matches!(statement, Statement::If { .. })).count();
        assert_eq!(ifs, 1);
    }
}
