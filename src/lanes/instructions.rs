//! The instruction sets that kernels are compiled for.

use pulp::{Arch, Simd, WithSimd};

/// An instruction set that this computer has.
#[derive(Clone, Copy, Debug)]
pub struct Instructions(Arch);

/// How many numbers a register holds.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

impl Instructions {
    /// The best that there is.
    pub fn best() -> Self {
        Self(Arch::new())
    }

    /// All that there are, the best first.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::best()];
        #[cfg(target_arch = "x86_64")]
        if all[0].lanes() > 8 {
            all.extend(pulp::x86::V3::try_new().map(|v3| Self(Arch::V3(v3))));
        }
        if all[0].lanes() > 1 {
            all.push(Self(Arch::Scalar));
        }
        all
    }

    /// Numbers in a register, and images that are computed at once.
    pub fn lanes(self) -> usize {
        self.run(Lanes)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match (self.lanes(), cfg!(target_arch = "aarch64")) {
            (16, _) => "AVX-512",
            (8, _) => "AVX2",
            (4, true) => "NEON",
            (1, _) => "no vectors",
            _ => "vectors",
        }
    }

    /// Runs a kernel.
    pub fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        self.0.dispatch(kernel)
    }
}
