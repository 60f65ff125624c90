//! Programs of others, several at a time.

use std::thread;

use anyhow::{Result, anyhow};

/// How many run at a time. Each does little and is waited for much.
const AT_ONCE: usize = 4;

/// Does the same with each of the items, and hands over what came of them in their order.
pub(super) fn each<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let act = &act;
    // One thread takes each fourth item: neighbours are alike, and so is the work that they make.
    let share =
        |first: usize| -> Result<Vec<R>> { items.iter().skip(first).step_by(AT_ONCE).map(act).collect() };
    let share = &share;
    let mut shares = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|first| scope.spawn(move || share(first))).collect();
        let joined =
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?);
        joined.map(|share| anyhow::Ok(share?.into_iter())).collect::<Result<Vec<_>>>()
    })?;
    let mut results = Vec::with_capacity(items.len());
    while results.len() < items.len() {
        let from = results.len() % AT_ONCE;
        let next = shares.get_mut(from).and_then(Iterator::next);
        results.push(next.ok_or_else(|| anyhow!("a thread has done less than its share"))?);
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0, 1, 3, 4, 5, 9] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(each(&items, |item| Ok(*item)).unwrap(), items);
        }
    }

    #[test]
    fn one_error_is_an_error() {
        assert!(each(&[1, 2, 3], |item| if *item == 2 { Err(anyhow!("no")) } else { Ok(()) }).is_err());
    }
}
