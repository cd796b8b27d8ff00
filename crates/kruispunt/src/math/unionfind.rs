//! Groups of things that are connected.

/// Connected groups over `0..n`.
#[derive(Debug)]
pub struct UnionFind {
    parent: Vec<u32>,
}

impl UnionFind {
    /// `n` things, each on its own.
    pub fn new(n: usize) -> Self {
        Self { parent: (0..n as u32).collect() }
    }

    /// The smallest member of the group of `node`.
    pub fn find(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let above = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = above;
            node = above;
        }
        node
    }

    /// Joins the groups of `a` and `b`; the smallest member stays the root.
    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b) as usize] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_smallest_member_whatever_the_order_of_joining() {
        for order in [[(4, 3), (3, 1), (0, 2)], [(0, 2), (1, 4), (3, 4)]] {
            let mut groups = UnionFind::new(6);
            for (a, b) in order {
                groups.join(a, b);
            }
            let roots: Vec<u32> = (0..6).map(|node| groups.find(node)).collect();
            assert_eq!(roots, [0, 1, 0, 1, 1, 5]);
        }
    }
}
