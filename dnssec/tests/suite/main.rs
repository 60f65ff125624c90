//! The validator against a small signed world held in memory.

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod algorithms;
#[cfg(test)]
mod attacker;
#[cfg(test)]
mod battlefield;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod bytes;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod chain;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod forgery;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod random;
#[cfg(test)]
mod rfc_4034;
#[cfg(test)]
mod rfc_4035;
#[cfg(test)]
mod rfc_5155;
#[cfg(test)]
mod rfc_6672;
#[cfg(test)]
mod rfc_6840;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod world;
