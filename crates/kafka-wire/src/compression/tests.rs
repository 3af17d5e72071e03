use super::{Codec, CompressionError, Packing, compress, compress_with, decompress, decompress_magic_0};

const LIMIT: usize = 1 << 20;

fn samples() -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(7);
    vec![
        Vec::new(),
        b"a".to_vec(),
        vec![0; 200_000],
        std::iter::repeat_with(|| random.u8(..)).take(100_000).collect(),
        b"the quick brown fox ".repeat(5_000),
    ]
}

#[test]
fn every_codec_gives_back_what_it_packed() {
    for codec in Codec::ALL {
        for sample in samples() {
            let packed = compress(codec, &sample);
            assert_eq!(decompress(codec, &packed, LIMIT).as_deref(), Ok(&sample[..]), "{codec}");
        }
    }
}

#[test]
fn every_level_gives_back_what_it_packed() {
    let mut random = fastrand::Rng::with_seed(17);
    let mut samples = vec![b"the quick brown fox ".repeat(4_000), vec![0; 70_000]];
    for length in (0..40).chain([3_000, 65_536, 65_540]) {
        // Few different bytes, so that there are matches of all lengths.
        samples.push(std::iter::repeat_with(|| random.u8(0..3)).take(length).collect());
    }
    let levels =
        [(Codec::Gzip, vec![-1, 1, 9]), (Codec::Lz4, vec![1, 3, 9, 12, 17]), (Codec::Zstd, vec![-3, 1, 9])];
    for (codec, levels) in levels {
        for level in levels {
            let packing = Packing { codec, level: Some(level) };
            for sample in samples.iter().filter(|sample| level < 6 || sample.len() < 65_000) {
                let packed = compress_with(packing, sample);
                let length = sample.len();
                assert!(
                    decompress(codec, &packed, LIMIT).as_deref() == Ok(&sample[..]),
                    "{codec} at {level}, {length} bytes"
                );
            }
        }
    }
}

#[test]
fn a_longer_search_finds_more() {
    let mut random = fastrand::Rng::with_seed(5);
    let words: Vec<String> = (0..400).map(|_| format!("w{:x}", random.u32(..))).collect();
    let text: Vec<&str> = (0..2000).map(|_| words[random.usize(0..words.len())].as_str()).collect();
    let text = text.join(" ");
    let size = |level| compress_with(Packing { codec: Codec::Lz4, level }, text.as_bytes()).len();
    let (fast, short, long) = (size(None), size(Some(3)), size(Some(12)));
    assert!(long < short && short < fast, "{long}, {short}, {fast} of {}", text.len());
}

#[test]
fn a_bomb_is_refused_at_the_limit() {
    let zeros = vec![0; 64 << 20];
    for codec in Codec::ALL {
        let packed = compress(codec, &zeros);
        assert_eq!(
            decompress(codec, &packed, LIMIT),
            Err(CompressionError::TooLarge { limit: LIMIT }),
            "{codec}"
        );
        assert_eq!(decompress(codec, &packed, zeros.len()).map(|out| out.len()), Ok(zeros.len()), "{codec}");
    }
}

#[test]
fn cut_and_garbled_bytes_are_refused_or_unpack_within_the_limit() {
    let mut random = fastrand::Rng::with_seed(11);
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let packed = compress(codec, &b"some text that repeats, some text that repeats".repeat(100));
        for _ in 0..500 {
            let mut garbled = packed[..random.usize(..=packed.len())].to_vec();
            for _ in 0..random.usize(..4) {
                if let Some(byte) = random.choice(&mut garbled) {
                    *byte = random.u8(..);
                }
            }
            if let Ok(out) = decompress(codec, &garbled, LIMIT) {
                assert!(out.len() <= LIMIT);
            }
        }
    }
}

#[test]
fn snappy_is_read_raw_and_framed() {
    let text = b"raw or framed, raw or framed";
    let raw = snap::raw::Encoder::new().compress_vec(text).unwrap();
    assert_eq!(decompress(Codec::Snappy, &raw, LIMIT).as_deref(), Ok(&text[..]));
    let framed = compress(Codec::Snappy, text);
    assert!(framed.starts_with(b"\x82SNAPPY\0"));
    assert_eq!(framed[20..], raw);
}

#[test]
fn a_snappy_length_that_no_input_could_reach_allocates_nothing() {
    // A raw block that claims 900 KiB in 4 bytes.
    let lie = [0x80, 0xf8, 0x36, 0x00];
    assert_eq!(decompress(Codec::Snappy, &lie, LIMIT), Err(CompressionError::Corrupt));
}

#[test]
fn lz4_of_magic_0_is_read_in_spite_of_its_checksum() {
    let text = b"before KIP-57 the checksum covered too much";
    let mut packed = compress(Codec::Lz4, text);
    packed[6] ^= 0xff;
    assert_eq!(decompress(Codec::Lz4, &packed, LIMIT), Err(CompressionError::Corrupt));
    assert_eq!(decompress_magic_0(Codec::Lz4, &packed, LIMIT).as_deref(), Ok(&text[..]));
}

#[test]
fn gzip_members_are_joined() {
    let mut packed = compress(Codec::Gzip, b"one ");
    packed.extend(compress(Codec::Gzip, b"two"));
    assert_eq!(decompress(Codec::Gzip, &packed, LIMIT).as_deref(), Ok(&b"one two"[..]));
}
