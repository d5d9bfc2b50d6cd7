use super::*;

/// Studies that need as many steps as seconds.
fn needing(studies: Vec<f64>) -> Amounts {
    Amounts {
        seconds: studies.clone(),
        steps: studies,
        ..Amounts::default()
    }
}

pub(super) fn field() -> Field {
    let studies = |seconds: f64| needing(vec![seconds, seconds * 1.01, seconds * 1.02]);
    let measures = vec![Measure::Steps; 2];
    let amounts = vec![
        vec![studies(30.0), studies(30.0)],
        vec![studies(10.0), studies(11.0)],
        vec![studies(20.0), studies(10.0)],
    ];
    Field {
        title: String::new(),
        measure: Measure::Steps,
        ruleset: "rules".to_owned(),
        tuning: Tuning::ExternalTuning,
        setting: None,
        pinned: false,
        submissions: ["slow", "quick", "mixed"].map(str::to_owned).to_vec(),
        workloads: ["a", "b"].map(str::to_owned).to_vec(),
        keys: ["key-a", "key-b"].map(str::to_owned).to_vec(),
        moved: vec![amounts.clone(); TARGETS.len()],
        times: times(&amounts, &measures),
        amounts,
        measures,
    }
}

#[test]
fn best_first_with_bands_around_each_profile() {
    let ranking = field().ranking(Certainty::default(), None);
    assert_eq!(ranking.submissions, ["quick", "mixed", "slow"]);
    assert_eq!(ranking.duels.len(), 3);
    for (line, band) in ranking.profiles.iter().zip(&ranking.bands) {
        let band = band.as_ref().unwrap();
        assert_eq!(line.len(), band.lower.len());
        assert!(band.lower.iter().zip(&band.upper).all(|(l, u)| l <= u));
    }
    let faster = &ranking.duels[0];
    assert!(faster.shift.ratio().unwrap() > 1.0);
}

#[test]
fn leaving_a_workload_out_can_turn_the_order() {
    let flips = field().ranking(Certainty::default(), None).flips;
    let without = |name: &str| {
        flips
            .iter()
            .find(|flips| flips.change == format!("without {name}"))
            .unwrap()
    };
    let pair = ("mixed".to_owned(), "quick".to_owned());
    assert_eq!(without("a").pairs, [pair]);
    assert!(without("b").pairs.is_empty());
}

#[test]
fn other_targets_are_looked_at_where_curves_allow() {
    let mut field = field();
    // 2 % easier: mixed is the fastest everywhere. 1 % harder: one study ends before.
    field.moved[1][2] = vec![needing(vec![9.0; 3]); 2];
    field.moved[2][0][0].steps[1] = f64::NAN;
    let flips = field.ranking(Certainty::default(), None).flips;
    let of = |change: &str| flips.iter().find(|flips| flips.change == change).unwrap();
    assert!(of("targets 1 % easier").pairs.is_empty());
    let pair = ("mixed".to_owned(), "quick".to_owned());
    assert_eq!(of("targets 2 % easier").pairs, [pair]);
    assert_eq!(of("targets 1 % harder").unseen, Some((1, 18)));
    assert_eq!(of("targets 2 % harder").unseen, None);
}

#[test]
fn a_reference_decides_where_it_is_asked_to() {
    let setting = Setting {
        machine: "m".to_owned(),
        device: "cpu".to_owned(),
        threads: 1,
    };
    let time = |key: &str, steps| FrozenTime {
        workload: key.to_owned(),
        ruleset: "rules".to_owned(),
        comparability_key: key.to_owned(),
        setting: setting.clone(),
        seconds: 1.0,
        steps,
        examples: None,
        examples_per_step: None,
        studies: Vec::new(),
    };
    let reference = crate::FrozenReference {
        version: 3,
        submission: "old".to_owned(),
        // On b everybody is far ahead of it or far behind: a decides.
        workloads: vec![time("key-a", 15.0), time("key-b", 0.01)],
    };
    let mut field = field();
    field.amounts[2] = vec![needing(vec![9.0; 3]), Amounts::default()];
    field.times = times(&field.amounts, &field.measures);
    let judge = |decides| {
        let against = Against {
            reference: &reference,
            decides,
        };
        field.ranking(Certainty::default(), Some(against))
    };
    let decided = judge(true);
    // Who has not run every workload comes last.
    assert_eq!(decided.submissions, ["quick", "slow", "mixed"]);
    let frozen = decided.frozen.unwrap();
    assert_eq!((frozen.version, frozen.decides), (3, true));
    assert_eq!((frozen.scores[2].workloads, frozen.scores[2].of), (1, 2));
    assert!(frozen.scores[0].score.is_some() && frozen.scores[2].score.is_none());
    assert_eq!(judge(false).submissions, ["quick", "mixed", "slow"]);
    // Nobody else's entry moves a frozen order.
    let omissions = decided
        .flips
        .iter()
        .filter(|flips| flips.change.starts_with("without"));
    let moved: Vec<_> = omissions
        .filter(|flips| flips.change != "without b")
        .collect();
    assert!(
        moved.iter().all(|flips| flips.pairs.is_empty()),
        "{moved:?}"
    );
}
