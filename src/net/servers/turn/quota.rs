//! How many allocations there are, in all and for each user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::proto::turn::server::answer::Refusal;

#[derive(Debug)]
pub struct Quota {
    most: usize,
    most_per_user: usize,
    accounts: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// One allocation that is counted until this is dropped.
#[derive(Debug)]
pub struct Slot {
    account: String,
    accounts: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Quota {
    /// At most so many, in all and for one user.
    pub fn new(most: usize, most_per_user: usize) -> Self {
        Self {
            most,
            most_per_user,
            accounts: Arc::default(),
        }
    }

    pub fn admit(&self, account: &str) -> Result<Slot, Refusal> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let has = accounts.get(account).copied().unwrap_or(0);
        if has >= self.most_per_user {
            return Err(Refusal::QuotaReached);
        }
        if accounts.values().sum::<usize>() >= self.most {
            return Err(Refusal::InsufficientCapacity);
        }
        accounts.insert(account.to_owned(), has + 1);
        Ok(Slot {
            account: account.to_owned(),
            accounts: Arc::clone(&self.accounts),
        })
    }

    pub fn count(&self) -> usize {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.values().sum()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(has) = accounts.get_mut(&self.account) {
            *has -= 1;
            if *has == 0 {
                accounts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold() {
        let quota = Quota::new(3, 2);
        let ann = [quota.admit("ann"), quota.admit("ann")];
        assert!(ann.iter().all(Result::is_ok));
        assert_eq!(quota.admit("ann").err(), Some(Refusal::QuotaReached));
        let bob = quota.admit("bob");
        assert!(bob.is_ok());
        let eve = quota.admit("eve").err();
        assert_eq!(eve, Some(Refusal::InsufficientCapacity));
        drop(bob);
        assert!(quota.admit("eve").is_ok());
        drop(ann);
        assert_eq!(quota.count(), 0);
    }
}
