//! Pages of fresh memory, asked for in bulk: the one module of the core with unsafe code
//! (decision 0108).

#![allow(unsafe_code, reason = "advice to the system about memory takes a raw address")]

/// Asks the system for the pages of a part of fresh memory at once, right before it is written.
///
/// A page that is written for the first time stops the program until the system has cleared it and
/// handed it out. Asking for many at once saves the stops; asking for no more than a cache holds
/// keeps them there until they are written. Values do not change, and where the system knows no
/// such advice (before Linux 5.14, elsewhere) nothing happens.
#[inline]
pub(crate) fn ask_for<T>(part: &mut [T]) {
    /// Fewer bytes are not worth a call.
    const LEAST: usize = 1 << 13;
    if size_of_val(part) >= LEAST {
        populate(part);
    }
}

#[cfg(target_os = "linux")]
#[inline(never)]
fn populate<T>(part: &mut [T]) {
    use std::sync::LazyLock;
    static PAGE: LazyLock<usize> = LazyLock::new(|| {
        // SAFETY: `sysconf` reads a number of the system and takes no pointer.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(1 << 12)
    });
    let bytes = size_of_val(part);
    let first = part.as_mut_ptr().cast::<libc::c_void>();
    // the advice is given of whole pages: from the start of the first
    let before = first.addr() % *PAGE;
    // SAFETY: (1) Each page of the range holds a byte of `part`, or a byte before it in the page of
    // its first byte; a page is mapped and writable as a whole, and `part` is borrowed for writing.
    // The address is computed, never read or written through here. (2) MADV_POPULATE_WRITE brings
    // in pages as a write would and changes no byte of them, so that what else lies in the first and
    // the last page, and whoever reads or writes it meanwhile, sees nothing of it. (3) It keeps no
    // pointer. An error (an older system, no memory left) leaves pages to be brought in one by one.
    let _ = unsafe {
        libc::madvise(first.wrapping_byte_sub(before), bytes + before, libc::MADV_POPULATE_WRITE)
    };
}

#[cfg(not(target_os = "linux"))]
fn populate<T>(_: &mut [T]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_as_it_was() {
        for n in [0, 1, 4095, 4096, 100_000] {
            let mut values: Vec<u64> = (0..n).collect();
            for (from, to) in
                [(0, values.len()), (1, values.len()), (values.len() / 2, values.len())]
            {
                ask_for(&mut values[from.min(to)..to]);
            }
            assert!(values.iter().enumerate().all(|(at, value)| *value == at as u64));
            let mut fresh = vec![0_u8; n as usize * 3];
            ask_for(&mut fresh);
            assert!(fresh.iter().all(|value| *value == 0));
        }
        ask_for(&mut [(); 1 << 20]);
    }

    #[test]
    fn neighbours_in_a_page_are_written_meanwhile() {
        let mut values = vec![0_u16; 1 << 20];
        rayon::scope(|scope| {
            for (at, part) in values.chunks_mut(8192 + 3).enumerate() {
                scope.spawn(move |_| {
                    ask_for(part);
                    part.fill(at as u16 + 1);
                });
            }
        });
        assert!(values.iter().enumerate().all(|(at, value)| usize::from(*value) == at / 8195 + 1));
    }
}
