//! How many loop iterations one invocation of an entry can make at most.
//!
//! Read from naga's IR: every loop must count a local variable up to a bound, by a step, both made of
//! constants and arguments alone; an i32 must count from a literal to a literal. Anything else is an error,
//! so nothing goes uncounted.

use std::cell::Cell;
use std::collections::HashMap;

use naga::{
    BinaryOperator, Block, Expression, Function, Handle, LocalVariable, Module, Scalar, Span, Statement,
    TypeInner, WithSpan,
};

use super::range::{self, Range};

/// Calls of functions that are walked through for an entry. Ours make some tens; functions that each call the next
/// twice make more than could ever be counted.
const MOST_CALLS: u32 = 10_000;

/// Loops whose end is not certain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Endless {
    /// One that may not end.
    #[error("a loop in `{function}` {what}, so it may not end: a device that hangs is lost")]
    Loop {
        /// The function that it stands in.
        function: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Some that cannot be counted.
    #[error("calls more than {MOST_CALLS} functions, so its loops cannot be counted")]
    Calls,
}

type Result<T> = std::result::Result<T, WithSpan<Endless>>;

/// Iterations of all loops that one invocation of the entry runs through, at most.
///
/// # Errors
/// A loop whose iterations cannot be bounded, or whose bound is read from memory.
pub fn iterations(module: &Module, entry: &Function) -> Result<u64> {
    Walk::new(module, entry, &vec![Range::ANY; entry.arguments.len()], &Cell::new(MOST_CALLS)).call()
}

/// What each local variable was last set to, where that is certain.
type Known = HashMap<Handle<LocalVariable>, Handle<Expression>>;

/// A walk through one call of a function.
struct Walk<'a> {
    module: &'a Module,
    function: &'a Function,
    /// Of the values of all its expressions, in their order.
    ranges: Vec<Range>,
    /// Calls that may still be walked through.
    calls_left: &'a Cell<u32>,
}

impl<'a> Walk<'a> {
    fn new(
        module: &'a Module,
        function: &'a Function,
        arguments: &[Range],
        calls_left: &'a Cell<u32>,
    ) -> Self {
        Self { module, function, ranges: range::all(module, function, arguments), calls_left }
    }

    fn call(&self) -> Result<u64> {
        let variables = self.function.local_variables.iter();
        let known = variables.filter_map(|(variable, local)| Some((variable, local.init?))).collect();
        self.block(&self.function.body, known)
    }

    fn block(&self, block: &Block, mut known: Known) -> Result<u64> {
        let mut total = 0u64;
        for (statement, span) in block.span_iter() {
            let iterations: u64 = match statement {
                Statement::Block(block) => self.block(block, known.clone())?,
                Statement::If { accept, reject, .. } => {
                    self.block(accept, known.clone())?.max(self.block(reject, known.clone())?)
                }
                Statement::Switch { cases, .. } => {
                    // A case may fall through to the next.
                    let add = |sum: u64, more: u64| sum.saturating_add(more);
                    cases
                        .iter()
                        .try_fold(0, |sum, case| Ok(add(sum, self.block(&case.body, Known::new())?)))?
                }
                Statement::Loop { body, continuing, break_if } => {
                    if break_if.is_some() {
                        return Err(self.endless("is not a `for`", *span));
                    }
                    let (variable, trips) = self.trips(body, continuing, &known, *span)?;
                    if stores(self.function, body, variable) {
                        return Err(self.endless("sets its counter in its body", *span));
                    }
                    known.retain(|&variable, _| !sets(self.function, statement, variable));
                    trips.saturating_mul(self.block(body, known.clone())?.saturating_add(1))
                }
                Statement::Call { function, arguments, .. } => {
                    let left = self.calls_left.get().checked_sub(1);
                    let left =
                        left.ok_or_else(|| WithSpan::new(Endless::Calls).with_span(*span, "this call"))?;
                    self.calls_left.set(left);
                    let arguments: Vec<Range> =
                        arguments.iter().map(|&argument| self.range(argument)).collect();
                    let function = &self.module.functions[*function];
                    Walk::new(self.module, function, &arguments, self.calls_left).call()?
                }
                _ => 0,
            };
            known.retain(|&variable, _| !sets(self.function, statement, variable));
            if let Statement::Store { pointer, value } = statement
                && let Expression::LocalVariable(variable) = self.function.expressions[*pointer]
            {
                known.insert(variable, *value);
            }
            total = total.saturating_add(iterations);
        }
        Ok(total)
    }

    /// The counter of a `for` loop and how often its body runs at most.
    fn trips(
        &self,
        body: &Block,
        continuing: &Block,
        known: &Known,
        span: Span,
    ) -> Result<(Handle<LocalVariable>, u64)> {
        let fail = |what| Err(self.endless(what, span));
        let expressions = &self.function.expressions;
        // `for` begins with its condition; nothing but what computes it may come before.
        let (emitted, head) = computed(body);
        let condition = match head {
            [Statement::If { condition, accept, reject }, ..]
                if accept.is_empty() && matches!(**reject, [Statement::Break]) =>
            {
                *condition
            }
            _ => return fail("does not begin with its condition"),
        };
        let Expression::Binary { op: BinaryOperator::Less, left, right: bound } = expressions[condition]
        else {
            return fail("does not count up to a bound with `<`");
        };
        // A counter that was loaded before the loop would be compared, or added to, as it was then.
        let Some(variable) = self.loaded(left).filter(|_| emitted.contains(&left)) else {
            return fail("does not compare a counter with its bound");
        };
        let (emitted, [Statement::Store { pointer, value }]) = computed(continuing) else {
            return fail("does more than count after its body");
        };
        let step = match expressions[*value] {
            Expression::Binary { op: BinaryOperator::Add, left, right }
                if self.is(*pointer, variable)
                    && self.loaded(left) == Some(variable)
                    && emitted.contains(&left) =>
            {
                right
            }
            _ => return fail("does not add to its counter"),
        };
        let start = known.get(&variable).copied();
        let literal = |&expression: &Handle<Expression>| {
            let Range { low, high, .. } = self.range(expression);
            matches!(expressions[expression], Expression::Literal(_) | Expression::Constant(_)) && low == high
        };
        let most = match self.module.types[self.function.local_variables[variable].ty].inner {
            TypeInner::Scalar(Scalar::U32) => Range::ANY.high,
            // A range is that of a u32: only a literal of 0 or more is the same as an i32.
            TypeInner::Scalar(Scalar::I32)
                if start.is_some_and(|start| [start, bound, step].iter().all(literal)) =>
            {
                i32::MAX as u64
            }
            _ => return fail("does not count a u32, or an i32 from a literal to a literal, both 0 or more"),
        };
        let start = start.map_or(0, |start| self.range(start).low);
        let (bound, step) = (self.range(bound), self.range(step));
        if bound.read || step.read {
            return fail("reads its bound or step from memory");
        }
        if step.low == 0 || bound.high + step.high > most {
            return fail("counts to a bound that may be anything");
        }
        Ok((variable, bound.high.saturating_sub(start).div_ceil(step.low)))
    }

    fn range(&self, expression: Handle<Expression>) -> Range {
        self.ranges[expression.index()]
    }

    /// The local variable that an expression loads.
    fn loaded(&self, expression: Handle<Expression>) -> Option<Handle<LocalVariable>> {
        let Expression::Load { pointer } = self.function.expressions[expression] else { return None };
        match self.function.expressions[pointer] {
            Expression::LocalVariable(variable) => Some(variable),
            _ => None,
        }
    }

    fn is(&self, pointer: Handle<Expression>, variable: Handle<LocalVariable>) -> bool {
        matches!(self.function.expressions[pointer], Expression::LocalVariable(found) if found == variable)
    }

    fn endless(&self, what: &'static str, span: Span) -> WithSpan<Endless> {
        let function = self.function.name.clone().unwrap_or_else(|| "an entry".into());
        WithSpan::new(Endless::Loop { function, what }).with_span(span, "this loop")
    }
}

/// The expressions that a block computes before its first statement, and its statements from there on.
fn computed(block: &Block) -> (Vec<Handle<Expression>>, &[Statement]) {
    let first = block.iter().position(|statement| !matches!(statement, Statement::Emit(_)));
    let (before, after) = block.split_at(first.unwrap_or(block.len()));
    let emitted = before.iter().flat_map(|statement| match statement {
        Statement::Emit(range) => range.clone().collect(),
        _ => Vec::new(),
    });
    (emitted.collect(), after)
}

/// Whether anything in a block may set a local variable.
fn stores(function: &Function, block: &Block, variable: Handle<LocalVariable>) -> bool {
    block.iter().any(|statement| sets(function, statement, variable))
}

/// Whether a statement may set a local variable: a store, or a pointer to it passed on.
fn sets(function: &Function, statement: &Statement, variable: Handle<LocalVariable>) -> bool {
    let is = |pointer: &Handle<Expression>| matches!(function.expressions[*pointer], Expression::LocalVariable(found) if found == variable);
    let inside = |block: &Block| stores(function, block, variable);
    match statement {
        Statement::Store { pointer, .. } => is(pointer),
        Statement::Call { arguments, .. } => arguments.iter().any(is),
        Statement::Block(block) => inside(block),
        Statement::If { accept, reject, .. } => inside(accept) || inside(reject),
        Statement::Switch { cases, .. } => cases.iter().any(|case| inside(&case.body)),
        Statement::Loop { body, continuing, .. } => inside(body) || inside(continuing),
        _ => false,
    }
}
