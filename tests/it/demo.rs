//! The demo as a stranger runs it: the built program, in an empty folder.

use std::process::{Command, Output};

/// Words of every step's title, in the order of the trip.
const STEPS: [&str; 21] = [
    "brings in its catalogue",
    "subscribes",
    "signs in as a guest",
    "links a PayPal account",
    "checks in",
    "looks up prices",
    "scans",
    "cheese counter",
    "three of the milk",
    "places the checkout",
    "says yes",
    "The order",
    "leaves",
    "A clerk signs in",
    "DHL's label",
    "DHL collects",
    "to the door",
    "price back",
    "The receipt",
    "links a Klarna account",
    "debited through Klarna",
];

fn demo(folder: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aisle"))
        .args(["demo", "--once", "--bind", "127.0.0.1:0", "--folder"])
        .arg(folder)
        .output()
        .expect("the program runs")
}

#[test]
fn the_demo_goes_through_every_step_and_a_second_run_goes_on_in_the_same_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    for run in 1..=2 {
        let output = demo(folder.path());
        let text = String::from_utf8(output.stdout).expect("text");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "run {run}:\n{text}\n{complaints}");
        let mut rest = text.as_str();
        for step in STEPS {
            let place = rest.find(step).unwrap_or_else(|| panic!("run {run}: no step {step:?} in\n{text}"));
            rest = &rest[place..];
        }
        assert!(rest.contains("Everything was as expected"), "run {run}:\n{text}");
        assert!(!text.contains('\u{1b}'), "no colours without a terminal");
        let is_wide = |line: &&str| line.chars().count() > 100 && !line.contains("http");
        assert_eq!(text.lines().find(is_wide), None, "a line of more than 100 columns");
    }
}
