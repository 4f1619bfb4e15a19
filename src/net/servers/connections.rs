//! How many TCP connections a server takes, and which give way to a newcomer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::proto::signal::visitors::Network;

#[derive(Debug, Clone)]
pub struct Connections {
    most: usize,
    most_from_one: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// From the oldest.
    slots: BTreeMap<u64, Slot>,
}

#[derive(Debug)]
struct Slot {
    source: Network,
    site: Site,
    /// Its client has shown who it is.
    is_proven: bool,
    ended: Arc<Notify>,
}

/// What one host may choose addresses from at the most: an IPv4 address, or an IPv6 /48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Site(IpAddr);

impl Site {
    fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                [a, b, c, 0, 0, 0, 0, 0].into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub struct Counted {
    number: u64,
    ended: Arc<Notify>,
    open: Arc<Mutex<Open>>,
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// At most so many, in all and from one address, or from one /64 of IPv6.
    pub fn new(most: usize, most_from_one: usize) -> Self {
        Self {
            most,
            most_from_one,
            open: Arc::default(),
        }
    }

    /// Counts one more, if there may be one more. Where there are as many as there may be, the oldest of whoever has
    /// most of those that have shown nothing gives way to one who has fewer.
    pub fn admit(&self, source: IpAddr) -> Option<Counted> {
        let (source, site) = (Network::of(source), Site::of(source));
        let mut open = lock(&self.open);
        let from_one = open.slots.values().filter(|slot| slot.source == source);
        if from_one.count() >= self.most_from_one
            || (open.slots.len() >= self.most && !open.make_room(site))
        {
            return None;
        }
        let number = open.next;
        open.next += 1;
        let ended = Arc::new(Notify::new());
        open.slots.insert(
            number,
            Slot {
                source,
                site,
                is_proven: false,
                ended: Arc::clone(&ended),
            },
        );
        drop(open);
        Some(Counted {
            number,
            ended,
            open: Arc::clone(&self.open),
        })
    }
}

impl Open {
    /// Ends one connection for a newcomer of this site.
    fn make_room(&mut self, site: Site) -> bool {
        let mut unproven: BTreeMap<Site, usize> = BTreeMap::new();
        for slot in self.slots.values().filter(|slot| !slot.is_proven) {
            *unproven.entry(slot.site).or_default() += 1;
        }
        let Some((&greedy, &most)) = unproven.iter().max_by_key(|(_, count)| **count) else {
            return false;
        };
        let own = self.slots.values().filter(|slot| slot.site == site);
        if own.count() >= most {
            return false;
        }
        let mut oldest = self.slots.iter();
        let oldest = oldest.find(|(_, slot)| slot.site == greedy && !slot.is_proven);
        let Some((&number, _)) = oldest else {
            return false;
        };
        if let Some(slot) = self.slots.remove(&number) {
            slot.ended.notify_one();
        }
        true
    }
}

impl Counted {
    /// Whether its client has shown who it is: then it gives way to nobody.
    pub fn is_proven(&self, is_proven: bool) {
        if let Some(slot) = lock(&self.open).slots.get_mut(&self.number) {
            slot.is_proven = is_proven;
        }
    }

    /// When it has to give way.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        lock(&self.open).slots.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(network: u16) -> IpAddr {
        IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, 1])
    }

    fn v4(host: u8) -> IpAddr {
        [192, 0, 2, host].into()
    }

    #[test]
    fn connections_are_counted_until_they_end() {
        let connections = Connections::new(3, 2);
        let first = connections.admit(v6(1));
        let beside = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 2]);
        let second = connections.admit(beside);
        assert!(first.is_some() && second.is_some());
        assert!(connections.admit(v6(1)).is_none(), "two from one address");
        let third = connections.admit(v6(2));
        assert!(third.is_some());
        assert!(
            connections.admit(v6(3)).is_none(),
            "three in all, of one site"
        );
        drop(second);
        let fourth = connections.admit(v6(3));
        assert!(fourth.is_some());
        drop((first, third, fourth));
        assert!(lock(&connections.open).slots.is_empty());
    }

    #[tokio::test]
    async fn who_has_many_gives_way_to_who_has_none() {
        let connections = Connections::new(4, 2);
        let held: Vec<Counted> = [v4(1), v4(1), v4(2), v4(2)]
            .into_iter()
            .map(|source| connections.admit(source).expect("there is room"))
            .collect();
        held[2].is_proven(true);
        // The oldest of the one that has most without having shown anything.
        let newcomer = connections.admit(v4(3)).expect("there is made room");
        held[0].ended().await;
        assert_eq!(lock(&connections.open).slots.len(), 4);
        // Of those with one each, the newcomers get no second one.
        assert!(connections.admit(v4(3)).is_none());
        assert!(connections.admit(v4(1)).is_none());
        // And who has shown who it is stays, whoever comes.
        for counted in [&held[1], &held[3], &newcomer] {
            counted.is_proven(true);
        }
        assert!(connections.admit(v4(4)).is_none());
    }

    #[test]
    fn networks_of_one_site_do_not_take_all() {
        let connections = Connections::new(4, 2);
        let held: Vec<Option<Counted>> = [1, 1, 2, 2].map(|n| connections.admit(v6(n))).into();
        assert!(held.iter().all(Option::is_some));
        let other: IpAddr = [0x2001, 0xdb8, 9, 1, 0, 0, 0, 1].into();
        assert!(connections.admit(other).is_some());
    }
}
