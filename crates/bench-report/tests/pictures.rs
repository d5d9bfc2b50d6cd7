//! Committed pictures are what is drawn from the records beside them.

use bench_report::calibration::picture;
use std::fs;
use std::path::Path;

#[test]
fn every_calibration_is_drawn_as_it_would_be_today() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/calibration");
    let mut drawn = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = |name: &str| fs::read_to_string(path.join(name)).unwrap();
        let record = serde_json::from_str(&text("calibration.json")).unwrap();
        assert!(
            picture(&record).unwrap() == text("curves.svg"),
            "{}/curves.svg is old: `bench plot calibration` draws it anew",
            path.display()
        );
        drawn += 1;
    }
    assert!(drawn > 2, "{drawn} calibrations");
}
