//! Sessions against scripted servers on loopback, judged by what the servers saw.

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod hostile_servers;
#[cfg(test)]
mod interruption;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod raw_keys;
#[cfg(test)]
mod scripted_server;
#[cfg(test)]
mod setting;
