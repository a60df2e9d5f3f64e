//! Generated scenarios on both servers.
//!
//! `CASES=10000` plays so many of each sort, and `FIRST_CASE=77` begins with another than the first.

use std::env;

use futures::{StreamExt as _, stream};
use kubehandler_tests::cluster::Cluster;

use super::{
    difference, lines,
    play::{Target, play},
    script::{self, Scenario},
    transcript::Names,
};

/// How many use the real server at once.
const AT_ONCE: usize = 8;

/// How many differences are shown.
const SHOWN: usize = 10;

/// Chooses at random.
pub(crate) trait Choose {
    fn one_of<T: Clone>(&mut self, items: &[T]) -> T;

    /// Chooses one at least, and leaves them in their order.
    fn some_of<T: Clone>(&mut self, items: &[T]) -> Vec<T>;
}

impl Choose for fastrand::Rng {
    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.usize(..items.len())].clone()
    }

    fn some_of<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        let sure = self.usize(..items.len());
        let chosen = items.iter().enumerate();
        let chosen = chosen.filter(|(place, _)| *place == sure || self.bool());
        chosen.map(|(_, item)| item.clone()).collect()
    }
}

fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    Ok(env::var(name).map_or(Ok(default), |text| text.parse())?)
}

/// Scenarios that are made of numbers.
pub(crate) struct Generator {
    /// How many there are if nothing else is said.
    pub(crate) cases: u64,
    pub(crate) text_of: fn(u64) -> String,
    /// See [`Names::is_random`].
    pub(crate) is_random: bool,
}

/// Plays the scenarios of one number after the other.
pub(crate) async fn play_cases(generator: &Generator) -> anyhow::Result<()> {
    let Some(cluster) = Cluster::start_if_available().await? else {
        return Ok(());
    };
    let first = number("FIRST_CASE", 0)?;
    let seeds = first..first + number("CASES", generator.cases)?;
    let target = &Target::real(&cluster).await?;
    let played = seeds.map(|seed| async move {
        let text = (generator.text_of)(seed);
        let mut scenarios = script::parse(&text)?;
        anyhow::ensure!(scenarios.len() == 1, "it is one scenario");
        let scenario = scenarios.remove(0);
        let names = Names {
            is_random: generator.is_random,
            ..Names::new(usize::try_from(seed)?)
        };
        let real = lines(play(target, &scenario, names.clone()).await);
        let embedded = tokio::task::spawn_blocking(move || embedded(&scenario, names));
        let (title, embedded) = embedded.await??;
        let difference = difference(&title, &real, &embedded);
        anyhow::Ok(difference.map(|difference| format!("\n{text}{difference}")))
    });
    let mut played = stream::iter(played).buffer_unordered(AT_ONCE);
    let (mut differing, mut count, mut shown) = (0, 0, String::new());
    while let Some(difference) = played.next().await {
        count += 1;
        if let Some(text) = difference? {
            differing += 1;
            if differing <= SHOWN {
                shown.push_str(&text);
            }
        }
    }
    assert_eq!(differing, 0, "of {count} cases\n{shown}");
    Ok(())
}

/// On a server of its own, with the clock held still.
fn embedded(scenario: &Scenario, names: Names) -> anyhow::Result<(String, Vec<String>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let played = runtime.block_on(async { play(&Target::embedded(), scenario, names).await });
    Ok((scenario.title.clone(), lines(played)))
}
