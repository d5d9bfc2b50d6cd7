//! What is timed beside what.

/// A submission, its peer in `torch_updates.py`, and the bytes that an elementwise rule has to move for each parameter.
pub(super) struct Rule {
    pub(super) submission: &'static str,
    /// What the row is called beside the submission.
    pub(super) variant: &'static str,
    /// Hyperparameters other than their defaults.
    pub(super) with: &'static [(&'static str, &'static str)],
    pub(super) peer: &'static str,
    pub(super) peer_is: &'static str,
    pub(super) bytes: Option<u32>,
    /// Its steps that find new bases, or roots, where not all do.
    pub(super) renewal: Option<Renewal>,
    /// Numbers of state that its page documents: of a parameter, or of an `m x n` matrix.
    pub(super) state: &'static str,
}

/// How every step is made to find new bases, so that they are compared in turns as other steps are.
#[derive(Clone, Copy)]
pub(super) struct Renewal {
    pub(super) with: (&'static str, &'static str),
    pub(super) peer: &'static str,
}

const fn every_step(hyperparameter: &'static str, peer: &'static str) -> Option<Renewal> {
    Some(Renewal {
        with: (hyperparameter, "1"),
        peer,
    })
}

/// One that is more than a map of elements.
const fn rule(
    submission: &'static str,
    peer: &'static str,
    peer_is: &'static str,
    state: &'static str,
) -> Rule {
    Rule {
        submission,
        variant: "",
        with: &[],
        peer,
        peer_is,
        bytes: None,
        renewal: None,
        state,
    }
}

const fn elementwise(
    submission: &'static str,
    peer: &'static str,
    peer_is: &'static str,
    bytes: u32,
    state: &'static str,
) -> Rule {
    Rule {
        bytes: Some(bytes),
        ..rule(submission, peer, peer_is, state)
    }
}

pub(super) const RULES: [Rule; 13] = [
    elementwise("adamw", "adamw-fused", "fused", 28, "2"),
    elementwise("nadamw", "nadam-foreach", "NAdam, foreach", 28, "2"),
    elementwise("sgd-nesterov", "sgd-fused", "fused", 20, "1"),
    elementwise("lion", "lion", "authors'", 20, "1"),
    elementwise("sophia-g", "sophia", "authors'", 24, "2"),
    elementwise("sophia-h", "sophia", "Sophia-G, authors'", 24, "2"),
    elementwise(
        "schedule-free-adamw",
        "schedule-free-adamw",
        "authors', foreach",
        28,
        "2",
    ),
    Rule {
        renewal: every_step("projection-gap", "galore-every-step"),
        ..rule("galore", "galore", "authors'", GALORE)
    },
    Rule {
        variant: "QR every step",
        with: &[("bases", "qr"), ("projection-gap", "1")],
        ..rule(
            "galore",
            "galore-every-step",
            "authors', SVD every step",
            GALORE,
        )
    },
    Rule {
        renewal: every_step("projection-gap", "fira-every-step"),
        ..rule("fira", "fira", "authors'", FIRA)
    },
    Rule {
        variant: "parameter",
        with: &[("newton-schulz", "parameter")],
        ..rule("muon", "muon-single", "authors', in float32", MUON)
    },
    Rule {
        variant: "bfloat16",
        with: &[("newton-schulz", "bfloat16")],
        ..rule("muon", "muon", "authors'", MUON)
    },
    Rule {
        renewal: every_step("precondition-frequency", "shampoo-every-step"),
        // From the first step on, as is wanted of what is measured.
        with: &[("start-preconditioning-step", "1")],
        ..rule("shampoo", "shampoo", "authors'", SHAMPOO)
    },
];

impl Rule {
    pub(super) fn name(&self) -> String {
        match self.variant {
            "" => format!("`{}`", self.submission),
            variant => format!("`{}`, {variant}", self.submission),
        }
    }
}

const GALORE: &str = "`2 r max(m, n) + r min(m, n)`; 2 of the rest";
const FIRA: &str = "`2 r max(m, n) + r min(m, n)` and a norm; 2 of the rest";
const SHAMPOO: &str = "2 and `2 (m^2 + n^2)` of a block";
const MUON: &str = "1; 2 of Adam's";
