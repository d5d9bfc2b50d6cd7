//! Submissions outside of the checkout: what they extend, and their mistakes as their makers read them.

use crate::support::Checkout;
use std::path::{Path, PathBuf};

/// A folder beside the checkout, in which commands are typed.
struct Elsewhere {
    checkout: Checkout,
    folder: tempfile::TempDir,
}

impl Elsewhere {
    fn new() -> Elsewhere {
        Elsewhere {
            checkout: Checkout::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// With a submission of one file. In it `{checkout}` is the checkout's path, `{way}` the way there from the submission's folder, and `{link}` a link to it.
    fn with(self, name: &str, text: &str) -> Elsewhere {
        let folder = self.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let checkout = self.checkout.path();
        let way = Path::new("../..").join(checkout.file_name().unwrap());
        let link = self.path().join("link");
        if !link.exists() {
            std::os::unix::fs::symlink(&checkout, &link).unwrap();
        }
        let text = text
            .replace("{link}", link.to_str().unwrap())
            .replace("{checkout}", checkout.to_str().unwrap())
            .replace("{way}", way.to_str().unwrap());
        std::fs::write(folder.join("submission.yaml"), text).unwrap();
        self
    }

    fn says(&self, line: &str) -> String {
        let mut command = self.checkout.bench(line);
        let told = command.current_dir(self.path()).output().unwrap();
        self.checkout
            .told(told)
            .replace(self.path().to_str().unwrap(), "[elsewhere]")
    }
}

#[test]
fn a_variant_extends_by_a_path() {
    let inside = Elsewhere::new().says("spec show blobs constant");
    assert!(inside.starts_with("exit 0"), "{inside}");
    for base in [
        "{checkout}/submissions/adamw",
        "{way}/submissions/adamw",
        "../link/submissions/adamw",
        "../between",
        "{link}/submissions/adamw",
    ] {
        let text = format!("schema: 1\nextends: {base}\nschedule: constant\n");
        let elsewhere = Elsewhere::new()
            .with("v", &text)
            .with("between", "schema: 1\nextends: {way}/submissions/adamw\n");
        let shown = elsewhere.says("spec show blobs ./v");
        let expected = inside.replace("\"name\":\"constant\"", "\"name\":\"v\"");
        assert_eq!(shown, expected, "{base}");
        for line in [
            "spec check v",
            "spec check v/submission.yaml",
            "plot schedule ./v --output v.svg",
        ] {
            let told = elsewhere.says(line);
            assert!(told.starts_with("exit 0"), "{base}: bench {line}: {told}");
        }
    }
}

/// By its own name and by the checkout's.
#[test]
fn a_link_in_the_checkout_is_a_submission() {
    let text = "schema: 1\nextends: {checkout}/submissions/adamw\n";
    let elsewhere = Elsewhere::new().with("v", text);
    let linked = elsewhere.checkout.path().join("submissions/linked");
    std::os::unix::fs::symlink(elsewhere.path().join("v"), &linked).unwrap();
    let path = linked.display().to_string();
    for (given, name) in [("linked", "linked"), (&path, "v"), ("./v", "v")] {
        let shown = elsewhere.says(&format!("spec show blobs {given}"));
        assert!(shown.contains(&format!("\"name\":\"{name}\"")), "{shown}");
    }
}

#[test]
fn mistakes_are_told_with_their_places() {
    let own = "schema: 1\nextends: {way}/submissions/adamw\nschedul: constant\n";
    let elsewhere = Elsewhere::new()
        .with("misspelt", own)
        .with("of-misspelt", "schema: 1\nextends: ../misspelt\n")
        .with("by-name", "schema: 1\nextends: adamw\n")
        .with(
            "misnamed",
            "schema: 1\nextends: {checkout}/submissions/adamv\n",
        )
        .with(
            "adamw",
            "schema: 1\nextends: {checkout}/submissions/adamw\n",
        )
        .with("alone", "schema: 1\nabout: without a program\n");
    let way = elsewhere.checkout.path();
    let way = format!("../../{}/", way.file_name().unwrap().to_str().unwrap());
    let lines = [
        "spec show blobs ./misspelt",
        "run ./of-misspelt --workload blobs",
        "plot schedule ./of-misspelt --output x.svg",
        "check ./by-name",
        "spec check by-name misnamed/submission.yaml",
        "spec show blobs ./misnamed",
        "run ./adamw --workload blobs",
        "new ./mine --from ./misspelt",
        "spec check alone",
    ];
    let told: Vec<String> = lines
        .iter()
        .map(|line| format!("$ bench {line}\n{}", elsewhere.says(line)))
        .collect();
    let told = told.join("\n").replace(&way, "[way]/");
    insta::assert_snapshot!("outside-mistakes", told);
}

#[test]
fn any_folder_of_the_checkout_with_a_submission_is_checked() {
    let sound = "schema: 1\nextends: ../../submissions/adamw\nschedule: constant\n";
    let checkout = Checkout::new()
        .with("results/sound/submission.yaml", sound)
        .with(
            "results/wrong/submission.yaml",
            "schema: 1\nextends: ../adamw\n",
        );
    for path in ["results/sound", "results/sound/submission.yaml"] {
        let told = checkout.says(&format!("spec check {path}"));
        assert_eq!(told, "exit 0\n--- stdout\nno mistakes in 1 file\n");
    }
    insta::assert_snapshot!("inside-mistakes", checkout.says("spec check results/wrong"));
}

/// A workload elsewhere, on data of its own.
fn with_workload() -> Elsewhere {
    let elsewhere = Elsewhere::new();
    let write = |name: &str, text: &str| std::fs::write(elsewhere.path().join(name), text).unwrap();
    let mut table = "a,b,kind\n".to_owned();
    for row in 0..200 {
        table += &format!(
            "{row},{},{}\n",
            row % 7,
            if row % 2 == 0 { "even" } else { "odd" }
        );
    }
    write("numbers.csv", &table);
    let told = elsewhere.says("data add numbers.csv --to . --quiet");
    assert!(told.starts_with("exit 0"), "{told}");
    let (_, workload) = told.split_once("\n\nschema: 1").unwrap();
    let (workload, _) = workload.split_once("\nNext:").unwrap();
    assert!(workload.contains("dataset: ./numbers.yaml"), "{workload}");
    write("numbers-mlp.yaml", &format!("schema: 1{workload}"));
    write(
        "wide.yaml",
        "schema: 1\nextends: ./numbers-mlp.yaml\nmodel: { mlp: { hidden: [256] } }\n",
    );
    write(
        "of-theirs.yaml",
        "schema: 1\nextends: blobs\nstep-hint: 700\n",
    );
    elsewhere
}

#[test]
fn workloads_and_their_data_may_lie_anywhere() {
    let elsewhere = with_workload();
    for line in [
        "spec check numbers-mlp.yaml numbers.yaml wide.yaml of-theirs.yaml",
        "data fetch ./numbers.yaml --quiet",
        "data verify ./numbers.yaml --quiet",
        "data path ./numbers.yaml",
        "data add ./numbers.yaml --quiet",
        "run adamw --workload ./wide.yaml --dry-run",
        "run adamw -w wide.yaml -w of-theirs.yaml -w blobs --dry-run",
        "plan adamw --workload ./numbers-mlp.yaml",
        "plot schedule adamw --workload ./wide.yaml --output a.svg",
    ] {
        let told = elsewhere.says(line);
        assert!(told.starts_with("exit 0"), "{line}: {told}");
    }
    let told = elsewhere.says("spec show ./wide.yaml adamw");
    assert!(
        told.contains(r#""workload-name":"wide""#) && told.contains("[256]"),
        "{told}"
    );
    let told = elsewhere.says("plan adamw -w ./wide.yaml --json");
    assert!(
        told.contains("bench run adamw --workload ./wide.yaml"),
        "{told}"
    );
}

#[test]
fn mistakes_in_workloads_elsewhere_are_told_there() {
    let elsewhere = with_workload();
    let write = |name: &str, text: &str| std::fs::write(elsewhere.path().join(name), text).unwrap();
    let own = std::fs::read_to_string(elsewhere.path().join("numbers-mlp.yaml")).unwrap();
    write(
        "lost.yaml",
        &own.replace("./numbers.yaml", "./nombers.yaml"),
    );
    write("odd.yaml", "schema: 1\nextends: ./nothing.yaml\n");
    write("blobs.yaml", &own);
    std::fs::create_dir(elsewhere.path().join("more")).unwrap();
    let data = std::fs::read_to_string(elsewhere.path().join("numbers.yaml")).unwrap();
    write(
        "more/synthetic.yaml",
        &data.replace("numbers.csv", "../numbers.csv"),
    );
    write(
        "same.yaml",
        &own.replace("./numbers.yaml", "more/synthetic.yaml"),
    );
    for (line, expected) in [
        (
            "run adamw -w ./lost.yaml --dry-run",
            "unknown data set `./nombers.yaml`",
        ),
        (
            "run adamw -w ./odd.yaml --dry-run",
            "cannot extend `./nothing.yaml`: there is no such workload",
        ),
        (
            "run adamw -w ./blobs.yaml --dry-run",
            "a second workload called `blobs`",
        ),
        ("spec check blobs.yaml", "a second workload called `blobs`"),
        (
            "run adamw -w ./same.yaml --dry-run",
            "a second dataset called `synthetic`",
        ),
        (
            "run adamw -w ./gone.yaml --dry-run",
            "there is no file ./gone.yaml",
        ),
        ("data fetch ./gone.yaml", "there is no file ./gone.yaml"),
    ] {
        let told = elsewhere.says(line);
        assert!(
            told.starts_with("exit 2") && told.contains(expected),
            "{line}: {told}"
        );
    }
}
