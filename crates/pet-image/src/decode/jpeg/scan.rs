//! Decoding scans to coefficients (ITU-T T.81, annexes F and G).

use std::sync::LazyLock;

use super::header::{Fault, Frame, Scan, ScanComponent};
use super::huffman::{BitReader, Huffman};
use crate::cancel::is_cancelled;

/// The coefficients of 8x8 samples, row by row.
pub(super) type Block = [i16; 64];

/// The position in a block of each coefficient in zigzag order.
static ZIGZAG: LazyLock<[u8; 64]> = LazyLock::new(|| {
    let mut positions: Vec<u8> = (0..64).collect();
    // Diagonal by diagonal, alternately downwards and upwards.
    positions.sort_by_key(|&position| {
        let (row, column) = (position / 8, position % 8);
        let diagonal = row + column;
        (diagonal, if diagonal % 2 == 0 { column } else { row })
    });
    std::array::from_fn(|index| positions[index])
});

/// Reorders a table from zigzag to row-major order.
pub(super) fn row_by_row(table: &[u16; 64]) -> [u16; 64] {
    let mut rows = [0; 64];
    for (&position, &value) in ZIGZAG.iter().zip(table) {
        rows[usize::from(position)] = value;
    }
    rows
}

/// Blocks of one component, and how many of them make a row.
pub(super) struct Blocks {
    pub(super) blocks: Vec<Block>,
    pub(super) stride: usize,
}

/// Why decoding a scan stopped before the last row of units.
pub(super) struct Broken {
    /// Number of rows that were decoded.
    pub(super) row: usize,
    pub(super) fault: Fault,
}

/// The grid of blocks of one component in a scan.
struct Grid {
    /// Blocks of one unit of the scan.
    unit: [usize; 2],
    dc: Option<Huffman>,
    ac: Option<Huffman>,
    /// The DC coefficient of the previous block.
    previous_dc: i32,
}

/// Reads a scan, row by row of its units. `store` holds the blocks of each component of the frame; after each row it is
/// passed to `finish` with the row's number.
pub(super) fn read(
    frame: &Frame,
    scan: &Scan<'_>,
    store: &mut [Blocks],
    mut finish: impl FnMut(&mut [Blocks], usize),
) -> Result<(), Broken> {
    let grids = grids(frame, scan).map_err(|fault| Broken { row: 0, fault })?;
    let reader = BitReader::new(scan.data);
    let interval = scan.restart_interval;
    let mut state = State { reader, grids, until_restart: interval, restarts: 0, eob_run: 0 };
    let [columns, rows] = frame.units(scan);
    for row in 0..rows {
        if is_cancelled() {
            return Err(Broken { row, fault: Fault::Cancelled });
        }
        // A sequential scan has memory for one row of units only.
        let top = if frame.progressive { row } else { 0 };
        let result = state.read_row(frame.progressive, scan, store, top, columns);
        finish(store, row);
        if let Err((column, fault)) = result {
            return Err(Broken { row: row + usize::from(column > 0), fault });
        }
    }
    Ok(())
}

/// The state of reading a scan.
struct State<'a> {
    reader: BitReader<'a>,
    grids: Vec<Grid>,
    until_restart: u32,
    restarts: u8,
    /// Remaining blocks of an end-of-band run: a progressive scan has no more coefficients for them.
    eob_run: u32,
}

impl State<'_> {
    /// Reads a row of units; an error comes with the number of units that were read.
    fn read_row(
        &mut self,
        is_progressive: bool,
        scan: &Scan<'_>,
        store: &mut [Blocks],
        row: usize,
        columns: usize,
    ) -> Result<(), (usize, Fault)> {
        let zigzag = &*ZIGZAG;
        for column in 0..columns {
            if scan.restart_interval > 0 {
                self.restart_if_due(scan.restart_interval).map_err(|fault| (column, fault))?;
            }
            let Self { reader, grids, eob_run, .. } = self;
            for (grid, part) in grids.iter_mut().zip(&scan.components) {
                let Blocks { blocks, stride } = &mut store[part.index];
                let [width, height] = grid.unit;
                for y in 0..height {
                    let start = (row * height + y) * *stride + column * width;
                    for block in blocks.iter_mut().skip(start).take(width) {
                        let result = if is_progressive {
                            progressive(reader, scan, grid, block, eob_run, zigzag)
                        } else {
                            sequential(reader, grid, block, zigzag)
                        };
                        result.map_err(|fault| (column, fault))?;
                    }
                }
            }
            if self.reader.is_exhausted() {
                return Err((column, Fault::Exhausted));
            }
        }
        Ok(())
    }

    fn restart_if_due(&mut self, interval: u32) -> Result<(), Fault> {
        if self.until_restart == 0 {
            self.reader.restart(self.restarts)?;
            self.restarts = (self.restarts + 1) % 8;
            self.until_restart = interval;
            self.grids.iter_mut().for_each(|grid| grid.previous_dc = 0);
            self.eob_run = 0;
        }
        self.until_restart -= 1;
        Ok(())
    }
}

fn grids(frame: &Frame, scan: &Scan<'_>) -> Result<Vec<Grid>, Fault> {
    let interleaved = scan.components.len() > 1;
    let [first, last] = scan.spectrum;
    let (needs_dc, needs_ac) = if frame.progressive {
        (first == 0 && scan.approximation[0] == 0, last > 0)
    } else {
        (true, true)
    };
    let grid = |part: &ScanComponent<'_>| {
        let sampling = frame.components[part.index].sampling;
        let table = |needed: bool, codes: Option<_>| match (needed, codes) {
            (false, _) => Ok(None),
            (true, Some(codes)) => Huffman::new(codes).map(Some),
            (true, None) => Err(Fault::NoTable),
        };
        Ok(Grid {
            unit: sampling.map(|factor| if interleaved { factor as usize } else { 1 }),
            dc: table(needs_dc, part.dc)?,
            ac: table(needs_ac, part.ac)?,
            previous_dc: 0,
        })
    };
    scan.components.iter().map(grid).collect()
}

/// Reads a block of a sequential scan.
#[inline(always)]
fn sequential(
    reader: &mut BitReader<'_>,
    grid: &mut Grid,
    block: &mut Block,
    zigzag: &[u8; 64],
) -> Result<(), Fault> {
    let (Some(dc), Some(ac)) = (&grid.dc, &grid.ac) else {
        return Err(Fault::NoTable);
    };
    grid.previous_dc = grid.previous_dc.wrapping_add(dc.difference(reader)?);
    block[0] = grid.previous_dc as i16;
    let mut index = 1;
    while index < 64 {
        let (zeros, value) = ac.coefficient(reader)?;
        if value == 0 {
            if zeros < 15 {
                break;
            }
            index += 16;
            continue;
        }
        index += zeros;
        let position = zigzag.get(index).ok_or(Fault::Code)?;
        block[usize::from(*position) & 63] = value;
        index += 1;
    }
    Ok(())
}

/// Reads a block of a progressive scan.
fn progressive(
    reader: &mut BitReader<'_>,
    scan: &Scan<'_>,
    grid: &mut Grid,
    block: &mut Block,
    eob_run: &mut u32,
    zigzag: &[u8; 64],
) -> Result<(), Fault> {
    let ([first, last], [before, after]) = (scan.spectrum, scan.approximation);
    match (first, before) {
        (0, 0) => {
            let dc = grid.dc.as_ref().ok_or(Fault::NoTable)?;
            grid.previous_dc = grid.previous_dc.wrapping_add(dc.difference(reader)?);
            block[0] = (grid.previous_dc << after) as i16;
        }
        (0, _) => block[0] |= (reader.number(1) << after) as i16,
        (_, 0) => {
            let ac = grid.ac.as_ref().ok_or(Fault::NoTable)?;
            first_ac_bits(reader, ac, block, eob_run, [first, last], after, zigzag)?;
        }
        _ => {
            let ac = grid.ac.as_ref().ok_or(Fault::NoTable)?;
            next_ac_bit(reader, ac, block, eob_run, &zigzag[first..=last], after)?;
        }
    }
    Ok(())
}

/// Reads the upper bits of AC coefficients.
#[inline(always)]
fn first_ac_bits(
    reader: &mut BitReader<'_>,
    ac: &Huffman,
    block: &mut Block,
    eob_run: &mut u32,
    [first, last]: [usize; 2],
    shift: u32,
    zigzag: &[u8; 64],
) -> Result<(), Fault> {
    if *eob_run > 0 {
        *eob_run -= 1;
        return Ok(());
    }
    let mut index = first;
    while index <= last {
        let (zeros, value) = ac.coefficient(reader)?;
        if value != 0 {
            index += zeros;
            let position = zigzag.get(index).ok_or(Fault::Code)?;
            block[usize::from(*position) & 63] = value << shift;
            index += 1;
        } else if zeros == 15 {
            index += 16;
        } else {
            *eob_run = (1 << zeros) - 1 + reader.number(zeros as u32);
            break;
        }
    }
    Ok(())
}

/// Reads one more bit of each AC coefficient: corrects nonzero ones, and adds new ones.
fn next_ac_bit(
    reader: &mut BitReader<'_>,
    ac: &Huffman,
    block: &mut Block,
    eob_run: &mut u32,
    mut positions: &[u8],
    shift: u32,
) -> Result<(), Fault> {
    let bit = 1_i16 << shift;
    while *eob_run == 0 && !positions.is_empty() {
        let symbol = ac.symbol(reader)?;
        let zeros = usize::from(symbol >> 4);
        let value = match symbol & 15 {
            0 if zeros < 15 => {
                *eob_run = (1 << zeros) + reader.number(zeros as u32);
                break;
            }
            0 => 0,
            1 if reader.number(1) == 1 => bit,
            1 => -bit,
            _ => return Err(Fault::Code),
        };
        let position = correct(reader, block, &mut positions, zeros, bit);
        if let (Some(position), true) = (position, value != 0) {
            block[position] = value;
        }
    }
    if *eob_run > 0 {
        *eob_run -= 1;
        correct(reader, block, &mut positions, 64, bit);
    }
    Ok(())
}

/// Corrects nonzero coefficients, and returns the position after `zeros` zeros.
fn correct(
    reader: &mut BitReader<'_>,
    block: &mut Block,
    positions: &mut &[u8],
    mut zeros: usize,
    bit: i16,
) -> Option<usize> {
    while let Some((&position, rest)) = positions.split_first() {
        *positions = rest;
        let position = usize::from(position) & 63;
        let value = block[position];
        if value == 0 {
            if zeros == 0 {
                return Some(position);
            }
            zeros -= 1;
        } else if reader.number(1) == 1 && value & bit == 0 {
            block[position] = value.wrapping_add(if value > 0 { bit } else { -bit });
        }
    }
    None
}
