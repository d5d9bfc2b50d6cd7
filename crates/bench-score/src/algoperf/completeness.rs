//! What the rules ask for and the logs do not have.

use super::board::Row;
use super::finding::{Finding, Problem};
use super::rules::Rules;
use std::path::Path;

/// Findings about studies, trials and workloads, submission by submission.
pub(super) fn findings(rows: &[Row], workloads: &[String], rules: &Rules) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (column, workload) in workloads.iter().enumerate() {
        if rows.iter().all(|row| row.cells[column].studies.is_empty()) {
            let workload = workload.clone();
            findings.push(Finding::of(".", Problem::AbsentWorkload { workload }));
            continue;
        }
        for row in rows {
            of_cell(row, column, workload, rules, &mut findings);
        }
    }
    findings
}

fn of_cell(row: &Row, column: usize, workload: &str, rules: &Rules, findings: &mut Vec<Finding>) {
    let studies = &row.cells[column].studies;
    let (found, wanted) = (studies.len(), rules.studies);
    let name = || workload.to_owned();
    let problem = match found {
        0 => Some(Problem::NoWorkload { workload: name() }),
        _ if found < wanted => Some(Problem::FewerStudies {
            workload: name(),
            found,
            wanted,
        }),
        _ if found > wanted => Some(Problem::MoreStudies {
            workload: name(),
            found,
            wanted,
        }),
        _ => None,
    };
    findings.extend(problem.map(|problem| Finding::of(&row.submission, problem)));
    for study in studies {
        let (found, wanted) = (study.trials.len(), rules.trials);
        let problem = match found {
            _ if found < wanted => Problem::FewerTrials { found, wanted },
            _ if found > wanted => Problem::MoreTrials { found, wanted },
            _ => continue,
        };
        let folder = study
            .trials
            .first()
            .and_then(|trial| Path::new(&trial.file).ancestors().nth(2));
        let folder = folder.map_or_else(String::new, |folder| folder.display().to_string());
        findings.push(Finding::of(folder, problem));
    }
}
