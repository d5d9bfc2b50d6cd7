//! What is written of a claim.

use super::cost::Cost;
use super::evidence::Evidence;
use super::{Claim, Measure};

const VERDICT: &str = "**Verdict: ";

/// `result.md`.
pub(super) fn result(name: &str, claim: &Claim, evidence: &Evidence) -> String {
    let mut text = format!(
        "# {}\n\n{} {VERDICT}{}.**\n\n{}\n\n| arm | {} by seed | mean | spread |\n|---|---|---|---|\n",
        claim.claim,
        claim.paper,
        evidence.verdict.words(),
        claim.setting,
        claim.measure.words()
    );
    for (arm, seeds) in &evidence.values {
        let values: Vec<f64> = seeds.values().copied().collect();
        text += &row(arm, &values);
    }
    for (pair, ratios) in claim.pairs().iter().zip(&evidence.ratios) {
        text += &row(&format!("{} / {}", pair.of, pair.against), ratios);
    }
    let cost = evidence.cost.map(|cost| cost.line() + "\n\n");
    let values = evidence.values.values().flat_map(|seeds| seeds.values());
    let missed = match values.copied().any(f64::is_infinite) {
        true => {
            " A dash is a target that was not reached; where only the other side did not reach it the ratio is 0."
        }
        false => "",
    };
    text += &format!(
        "\n{}{missed} The spread is the standard deviation over seeds.\n\n{}Made by `cargo xtask claims {name}` ({}) from these runs:\n\n",
        rule(claim),
        cost.unwrap_or_default(),
        evidence.made_by
    );
    for arguments in claim.commands(name) {
        text += &format!("    bench {}\n", arguments.join(" "));
    }
    if let Some(experiment) = &claim.experiment {
        text += &format!("    cargo {}\n", super::experiment(experiment).join(" "));
    }
    text
}

/// What the verdict goes by.
pub(super) fn rule(claim: &Claim) -> String {
    let bounds = claim.bounds;
    let what = match claim.against {
        Some(_) => "a ratio",
        None => "a value",
    };
    let (low, below) = (bounds.at_least, bounds.contradicted_below);
    let claimed = match low {
        0.0 => format!("of at most {}", bounds.at_most),
        low => format!("from {low} to {}", bounds.at_most),
    };
    let opposite = match below {
        0.0 => format!("one above {}", bounds.contradicted_above),
        below => format!("one above {}, or below {below},", bounds.contradicted_above),
    };
    let better = match low {
        0.0 => "; smaller is better",
        _ => "",
    };
    format!(
        "Reproduced means {what} {claimed} at every seed, contradicted {opposite} at every seed{better}."
    )
}

fn row(name: &str, values: &[f64]) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let spread = if values.len() > 1 {
        (squares / (count - 1.0)).sqrt()
    } else {
        f64::NAN
    };
    let values: Vec<String> = values.iter().map(|value| digits(*value)).collect();
    format!(
        "| {name} | {} | {} | {} |\n",
        values.join(", "),
        digits(mean),
        digits(spread)
    )
}

/// Four significant digits.
fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let magnitude = value.abs().max(f64::MIN_POSITIVE).log10().floor() as i32;
    match magnitude {
        -4..7 => format!("{value:.*}", (3 - magnitude).max(0) as usize),
        _ if value == 0.0 => "0".to_owned(),
        _ => format!("{value:.3e}"),
    }
}

/// The verdict that a claim's page gives.
fn verdict_of(page: &str) -> Option<String> {
    let (_, rest) = page.split_once(VERDICT)?;
    rest.split_once(".**")
        .map(|(verdict, _)| verdict.to_owned())
}

/// `README.md` of all claims, each with its sentence and, where it has been run, its page.
pub(super) fn index(claims: &[(String, String, Option<String>)]) -> String {
    let mut text = "# Claims\n\nWhat papers say of their algorithms, tried on small workloads. `cargo xtask claims [NAME…]` runs them, and writes each page and this table from the \
records; finished trials are skipped. A verdict holds for the setting that its page names, and for nothing larger.\n\n| claim | | verdict |\n|---|---|---|\n"
        .to_owned();
    for (name, claim, page) in claims {
        let (link, verdict) = match page.as_deref().and_then(verdict_of) {
            Some(verdict) => (format!("[{name}]({name}/result.md)"), verdict),
            None => (format!("[{name}]({name}/claim.yaml)"), "not run".to_owned()),
        };
        text += &format!("| {link} | {claim} | {verdict} |\n");
    }
    let pages = claims.iter().filter_map(|(_, _, page)| page.as_deref());
    let costs: Vec<Cost> = pages.filter_map(Cost::stated).collect();
    if !costs.is_empty() {
        let (stated, all) = (costs.len(), claims.len());
        let sum = costs.into_iter().sum::<Cost>().line();
        text +=
            &format!("\n{sum} This is the sum of the {stated} of {all} pages that state theirs.\n");
    }
    text
}

impl Measure {
    fn words(&self) -> String {
        let words = match self {
            Measure::StatePerParameter => "numbers of state a parameter",
            Measure::BestValidation => "best of the target's metric on the validation split",
            Measure::StepsToTarget => "steps to target",
            Measure::SecondsPerStep => "seconds a step",
            Measure::Logged(name) => {
                return format!("`{name}` over the second half of a trial");
            }
        };
        words.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_adds_up_what_pages_state() {
        let page = |cost: &str| Some(format!("# A\n\n{VERDICT}reproduced.**\n\n{cost}\n"));
        let claim = |name: &str, page| (name.to_owned(), "It does".to_owned(), page);
        let claims = [
            claim("a", page("Cost: 6 trials, 0 h 50 min of one machine.")),
            claim("b", page("Cost: 3 trials, 1 h 20 min of one machine.")),
            claim("old", page("")),
            claim("new", None),
        ];
        assert!(!index(&claims[2..]).contains("Cost"));
        let text = index(&claims);
        assert!(
            text.ends_with(
                "| [old](old/result.md) | It does | reproduced |\n| [new](new/claim.yaml) | It does | not run |\n\nCost: 9 trials, 2 h 10 min of one machine. This is the sum of the 2 of 4 pages that state theirs.\n"
            ),
            "{text}"
        );
    }
}
