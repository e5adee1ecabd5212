//! Finding duplicates.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::fingerprint::{AREAS, Area, Fingerprint, Sums};
use crate::{Error, Progress, Unit, task};

/// Largest Hamming distance of the hashes of two images that are compared further.
const MAX_DISTANCE: u32 = 14;
/// Correlation from which two images count as near-duplicates. In Oxford-IIIT Pet all pairs above it are copies or
/// photographs of the same moment, by visual inspection; a crop of 75 % of the sides is above it.
const MIN_SIMILARITY: f32 = 0.95;

/// Cells along each side that are compared when images are aligned.
const SIDE: usize = 24;
/// A start below this similarity is not improved: even misaligned duplicates are above it.
const MIN_START: f32 = 0.6;
/// The first and the last step of the search, as a fraction of the sides.
const STEPS: (f32, f32) = (0.04, 0.004);

/// Duplicate images, by their indices in the searched list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Duplicates {
    /// Groups of identical images.
    pub exact: Vec<Vec<usize>>,
    /// Groups of near-duplicates, with one of each group of identical images.
    pub near: Vec<NearGroup>,
}

/// Images that are scaled, cropped, mirrored or recompressed copies, or photographs of the same moment.
#[derive(Debug, Clone, PartialEq)]
pub struct NearGroup {
    /// Indices in ascending order.
    pub members: Vec<usize>,
    /// The smallest correlation that connects the group, 0 to 1.
    pub similarity: f32,
}

struct Pair {
    one: usize,
    other: usize,
    similarity: f32,
}

impl Duplicates {
    /// Finds all duplicates. The perceptual hash of each image is compared with those of all other images and their
    /// areas; close pairs are aligned, and their correlation decides. `stop` is called for each image and interrupts
    /// the search.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] once `stop` returns `true`.
    pub fn find(
        fingerprints: &[&Fingerprint],
        progress: &dyn Progress,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, Error> {
        let (exact, distinct) = identical(fingerprints);
        let comparable: Vec<usize> =
            distinct.into_iter().filter(|&index| !fingerprints[index].flat).collect();
        let of = |&one: &usize| {
            if stop() {
                return Err(Error::Interrupted);
            }
            let pairs = matches(one, &comparable, fingerprints);
            progress.advance(1);
            Ok(pairs)
        };
        let count = comparable.len() as u64;
        let pairs: Result<Vec<Vec<Pair>>, Error> =
            task(progress, "near-duplicates", count, Unit::Images, || {
                comparable.par_iter().map(of).collect()
            });
        let pairs: Vec<Pair> = pairs?.into_iter().flatten().collect();
        let near = groups(fingerprints.len(), &pairs);
        Ok(Self { exact, near })
    }

    /// Groups of identical images and near-duplicates together.
    pub fn together(&self, count: usize) -> Vec<Vec<usize>> {
        let mut sets = Sets::new(count);
        let near = self.near.iter().map(|group| &group.members);
        for members in self.exact.iter().chain(near) {
            for pair in members.windows(2) {
                sets.join(pair[0], pair[1]);
            }
        }
        sets.groups()
    }
}

/// The groups of identical images, and the index of each distinct image.
fn identical(fingerprints: &[&Fingerprint]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut places: HashMap<[u8; 32], usize> = HashMap::new();
    for (index, fingerprint) in fingerprints.iter().enumerate() {
        match places.entry(fingerprint.digest) {
            Entry::Occupied(place) => groups[*place.get()].push(index),
            Entry::Vacant(place) => {
                place.insert(groups.len());
                groups.push(vec![index]);
            }
        }
    }
    let first = groups.iter().map(|group| group[0]).collect();
    groups.retain(|group| group.len() > 1);
    (groups, first)
}

/// The images that match `one` or an area of it.
fn matches(one: usize, others: &[usize], fingerprints: &[&Fingerprint]) -> Vec<Pair> {
    let container = fingerprints[one];
    let mut sums = None;
    let mut pairs = Vec::new();
    for &other in others.iter().filter(|&&other| other != one) {
        let part = fingerprints[other];
        for (hash, mirrored) in [(part.hashes[0], false), (part.mirrored, true)] {
            let Some(area) = nearest(&container.hashes, hash) else {
                continue;
            };
            let sums = sums.get_or_insert_with(|| container.thumbnail.sums());
            let whole =
                if mirrored { part.thumbnail.mirrored().sums() } else { part.thumbnail.sums() };
            let pattern = Pattern::of(&whole, Area::WHOLE);
            let similarity = pattern.map_or(0.0, |pattern| pattern.best_fit(sums, area));
            if similarity >= MIN_SIMILARITY {
                pairs.push(Pair { one, other, similarity });
                break;
            }
        }
    }
    pairs
}

/// The area with the nearest hash, if it is close. Nearly none is, so the first loop is short and has no branches.
fn nearest(hashes: &[u64; AREAS], hash: u64) -> Option<Area> {
    let distances = hashes.map(|area| (area ^ hash).count_ones());
    let least = distances.iter().copied().fold(u32::MAX, u32::min);
    if least > MAX_DISTANCE {
        return None;
    }
    let place = distances.iter().position(|distance| *distance == least)?;
    Area::all().get(place).copied()
}

fn groups(count: usize, pairs: &[Pair]) -> Vec<NearGroup> {
    let mut sets = Sets::new(count);
    for pair in pairs {
        sets.join(pair.one, pair.other);
    }
    let mut least: HashMap<usize, f32> = HashMap::new();
    for pair in pairs {
        let similarity = least.entry(sets.root(pair.one)).or_insert(1.0);
        *similarity = similarity.min(pair.similarity);
    }
    let groups = sets.groups().into_iter();
    let group = |members: Vec<usize>| {
        let root = sets.root(members[0]);
        let similarity = least.get(&root).copied().unwrap_or(1.0);
        NearGroup { members, similarity }
    };
    groups.map(group).collect()
}

/// An image normalized to mean 0 and norm 1.
struct Pattern(Vec<f32>);

impl Pattern {
    /// `None` for a uniform image.
    fn of(sums: &Sums, area: Area) -> Option<Self> {
        let mut levels = sums.part(area, SIDE);
        let mean = levels.iter().sum::<f32>() / levels.len() as f32;
        for level in &mut levels {
            *level -= mean;
        }
        let norm = levels.iter().map(|level| level * level).sum::<f32>().sqrt();
        if norm < 1.0 {
            return None;
        }
        for level in &mut levels {
            *level /= norm;
        }
        Some(Self(levels))
    }

    /// The correlation of two patterns, -1 to 1.
    fn correlation(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(one, other)| one * other).sum()
    }

    /// The correlation with the best matching area of the other image, found from `start` with decreasing steps.
    fn best_fit(&self, other: &Sums, start: Area) -> f32 {
        let similarity = |area: Area| {
            let pattern = Self::of(other, area);
            pattern.map_or(0.0, |pattern| self.correlation(&pattern))
        };
        let (mut area, mut best) = (start, similarity(start));
        let (mut step, last) = STEPS;
        while best >= MIN_START && step >= last {
            let around = area.around(step).map(|area| (area, similarity(area)));
            match around.max_by(|one, other| one.1.total_cmp(&other.1)) {
                Some((better, value)) if value > best => (area, best) = (better, value),
                _ => step /= 2.0,
            }
        }
        best
    }
}

/// Disjoint sets (Galler & Fischer 1964).
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, index: usize) -> usize {
        let mut index = index;
        while self.0[index] != index {
            self.0[index] = self.0[self.0[index]];
            index = self.0[index];
        }
        index
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (first, second) = (one.min(other), one.max(other));
        self.0[second] = first;
    }

    /// The sets of more than one element, in ascending order.
    fn groups(&mut self) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = [].into();
        for index in 0..self.0.len() {
            groups.entry(self.root(index)).or_default().push(index);
        }
        groups.into_values().filter(|group| group.len() > 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use pet_image::{CropBox, Filter, Format, Limits, RgbImage, crop, encode_rgb, resize};

    use super::*;
    use crate::Silent;
    use crate::picture::Picture;
    use crate::picture::fingerprint::Thumbnail;

    /// Waves without repetition, in colour.
    fn scene(seed: f32) -> RgbImage {
        RgbImage::from_fn(240, 180, |x, y| {
            let (x, y) = (x as f32 / 40.0, y as f32 / 40.0);
            let wave = (seed * x + y * y).sin() + (x * y * 0.7 + seed).cos();
            let level = (127.0 + 55.0 * wave) as u8;
            [level, 255 - level, level / 2].into()
        })
    }

    fn mirrored(image: &RgbImage) -> RgbImage {
        let (width, height) = image.dimensions();
        RgbImage::from_fn(width, height, |x, y| *image.get_pixel(width - 1 - x, y))
    }

    fn find(files: &[Vec<u8>]) -> Duplicates {
        let limits = Limits::default();
        let pictures = files.iter().map(|file| Picture::of(file, &limits).unwrap());
        let pictures: Vec<Picture> = pictures.collect();
        let fingerprints: Vec<_> = pictures.iter().map(|one| &one.fingerprint).collect();
        Duplicates::find(&fingerprints, &Silent, &|| false).unwrap()
    }

    #[test]
    fn what_was_made_of_a_picture_is_found_and_nothing_else() {
        let (scene, other) = (scene(1.0), self::scene(4.1));
        let png = |image: &RgbImage| encode_rgb(image, Format::Png).unwrap();
        let area = CropBox { left: 20, top: 10, right: 220, bottom: 160 };
        let files = [
            png(&scene),
            png(&other),
            encode_rgb(&scene, Format::Jpeg).unwrap(),
            png(&crop(&scene, area).unwrap()),
            encode_rgb(&scene, Format::Bmp).unwrap(),
            png(&resize(&scene, 90, 70, Filter::Bilinear).unwrap()),
            png(&mirrored(&scene)),
        ];
        let found = find(&files);
        assert_eq!(found.exact, [[0, 4]], "the same pixels in two formats");
        assert_eq!(found.near.len(), 1, "{found:?}");
        assert_eq!(found.near[0].members, [0, 2, 3, 5, 6]);
        assert!(found.near[0].similarity >= MIN_SIMILARITY);
        assert_eq!(found.together(files.len()), [[0, 2, 3, 4, 5, 6]]);
    }

    #[test]
    fn pictures_of_one_colour_are_alike_only_when_identical() {
        let grey = |level: u8, side| {
            let image = RgbImage::from_pixel(side, side, [level; 3].into());
            encode_rgb(&image, Format::Png).unwrap()
        };
        let found = find(&[grey(90, 40), grey(91, 40), grey(90, 50), grey(90, 40)]);
        assert_eq!(found.exact, [[0, 3]]);
        assert_eq!(found.near, []);
    }

    #[test]
    fn a_search_that_is_stopped_says_so() {
        let files = [scene(1.0), scene(2.0)].map(|image| encode_rgb(&image, Format::Png).unwrap());
        let prints = files.map(|file| Fingerprint::of_file(&file, &Limits::default()).unwrap());
        let prints: Vec<_> = prints.iter().collect();
        let stopped = Duplicates::find(&prints, &Silent, &|| true);
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }

    /// Waves without repetition.
    fn picture(seed: f32) -> RgbImage {
        RgbImage::from_fn(300, 200, |x, y| {
            let (x, y) = (x as f32 / 50.0, y as f32 / 50.0);
            let wave = (seed * x + y * y).sin() + (x * y * 0.7 + seed).cos();
            [(127.0 + 60.0 * wave) as u8; 3].into()
        })
    }

    fn similarity(whole: &RgbImage, other: &RgbImage) -> f32 {
        let sums = |image| Thumbnail::of(image).unwrap().sums();
        let pattern = Pattern::of(&sums(whole), Area::WHOLE).unwrap();
        let starts = Area::all().into_iter();
        let fits = starts.map(|start| pattern.best_fit(&sums(other), start));
        fits.fold(0.0, f32::max)
    }

    #[test]
    fn a_cut_out_fits_where_it_was_cut_out() {
        let original = picture(1.0);
        for (left, top, right, bottom) in [(0, 0, 250, 170), (70, 55, 300, 200), (31, 13, 266, 181)]
        {
            let area = CropBox { left, top, right, bottom };
            let cut = crop(&original, area).unwrap();
            let found = similarity(&cut, &original);
            assert!(found > 0.98, "{area:?}: {found}");
        }
    }

    #[test]
    fn another_picture_fits_nowhere() {
        let found = similarity(&picture(1.0), &picture(3.3));
        assert!(found < 0.8, "{found}");
    }

    #[test]
    fn one_colour_has_no_pattern() {
        let grey = Thumbnail::of(&RgbImage::from_pixel(9, 9, [80; 3].into())).unwrap();
        assert!(Pattern::of(&grey.sums(), Area::WHOLE).is_none());
    }
}
