//! What is known of the values in a function, as far as it bounds a loop.

use naga::{BinaryOperator, Expression, Function, Handle, Literal, MathFunction, Module};

/// What is known of a u32: its range, and whether it was read from memory of any kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub low: u64,
    pub high: u64,
    pub read: bool,
}

impl Range {
    pub(super) const ANY: Self = Self { low: 0, high: u32::MAX as u64, read: false };
    pub(super) const READ: Self = Self { read: true, ..Self::ANY };

    /// A range, unless its ends do not fit a u32: then the value may have wrapped to anything.
    fn new(low: Option<u64>, high: Option<u64>, read: bool) -> Self {
        match (low, high) {
            (Some(low), Some(high)) if high <= Self::ANY.high => Self { low, high, read },
            _ => Self { read, ..Self::ANY },
        }
    }

    fn exactly(value: u64) -> Self {
        Self { low: value, high: value, read: false }
    }
}

/// The ranges of all values of a function, in the order of its expressions, given those of its arguments.
pub(super) fn all(module: &Module, function: &Function, arguments: &[Range]) -> Vec<Range> {
    let mut ranges = Vec::with_capacity(function.expressions.len());
    // An expression is made of earlier ones.
    for (_, expression) in function.expressions.iter() {
        ranges.push(range(module, expression, arguments, &ranges));
    }
    ranges
}

fn range(module: &Module, expression: &Expression, arguments: &[Range], earlier: &[Range]) -> Range {
    let of = |expression: Handle<Expression>| earlier[expression.index()];
    match *expression {
        Expression::Literal(literal) => literal_range(literal),
        Expression::Constant(constant) => match module.global_expressions[module.constants[constant].init] {
            Expression::Literal(literal) => literal_range(literal),
            _ => Range::ANY,
        },
        Expression::FunctionArgument(index) => arguments[index as usize],
        Expression::Binary { op, left, right } => {
            let (a, b) = (of(left), of(right));
            let read = a.read || b.read;
            match op {
                BinaryOperator::Add => Range::new(Some(a.low + b.low), Some(a.high + b.high), read),
                BinaryOperator::Subtract => {
                    Range::new(a.low.checked_sub(b.high), a.high.checked_sub(b.low), read)
                }
                BinaryOperator::Multiply => {
                    Range::new(a.low.checked_mul(b.low), a.high.checked_mul(b.high), read)
                }
                BinaryOperator::Divide => {
                    Range::new(a.low.checked_div(b.high), a.high.checked_div(b.low), read)
                }
                _ => Range { read, ..Range::ANY },
            }
        }
        Expression::Math { fun: MathFunction::Min, arg, arg1: Some(other), .. } => {
            let (a, b) = (of(arg), of(other));
            Range { low: a.low.min(b.low), high: a.high.min(b.high), read: a.read || b.read }
        }
        Expression::Select { accept, reject, .. } => {
            let (a, b) = (of(accept), of(reject));
            Range { low: a.low.min(b.low), high: a.high.max(b.high), read: a.read || b.read }
        }
        // Whatever else there is may come from memory.
        _ => Range::READ,
    }
}

fn literal_range(literal: Literal) -> Range {
    match literal {
        Literal::U32(value) => Range::exactly(u64::from(value)),
        Literal::I32(value) => u64::try_from(value).map_or(Range::ANY, Range::exactly),
        _ => Range::ANY,
    }
}
