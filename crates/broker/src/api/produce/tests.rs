use super::*;

/// The front of a batch: what it claims to be, and nothing behind the header.
fn batch(magic: u8, claims: i32, attributes: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut put = |at: usize, what: &[u8]| {
        for (index, byte) in what.iter().enumerate().filter(|(index, _)| at + index < length) {
            bytes[at + index] = *byte;
        }
    };
    put(8, &claims.to_be_bytes());
    put(16, &[magic]);
    put(ATTRIBUTES_LOW_BYTE, &[attributes]);
    bytes
}

#[test]
fn the_form_of_a_batch_is_checked_as_kafka_does() {
    let check = |records: &[u8], version, expect| {
        assert_eq!(check_batch(records, version).err().map(|error| error.code), expect, "{records:?}");
    };
    let (invalid, corrupt) = (Some(ErrorCode::INVALID_RECORD), Some(ErrorCode::CORRUPT_MESSAGE));
    check(&batch(2, 49, 0, 61), 3, None);
    check(&batch(2, 58, 0, 70), 3, None);
    check(&[], 3, invalid);
    check(&batch(2, 49, 0, 16), 3, invalid);
    check(&batch(2, 49, 0, 40), 3, invalid);
    check(&batch(2, 50, 0, 61), 3, invalid);
    check(&batch(2, i32::MAX, 0, 61), 3, invalid);
    check(&batch(2, -1, 0, 61), 3, corrupt);
    check(&batch(2, i32::MIN, 0, 61), 3, corrupt);
    check(&batch(2, 13, 0, 61), 3, corrupt);
    check(&batch(2, 48, 0, 60), 3, corrupt);
    check(&batch(0, 49, 0, 61), 3, invalid);
    check(&batch(1, 49, 0, 61), 3, invalid);
    check(&batch(9, 49, 0, 61), 3, corrupt);
    check(&batch(0xff, 49, 0, 61), 3, corrupt);
    check(&[batch(2, 49, 0, 61), batch(2, 49, 0, 61)].concat(), 3, invalid);
    check(&batch(2, 49, 4, 61), 6, Some(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE));
    check(&batch(2, 49, 4, 61), 7, None);
}

#[test]
fn of_a_partition_that_is_named_twice_the_last_counts() {
    let check = |given: &[(&str, &[i32])], expect: &[(&str, &[(i32, i64)])]| {
        let mut number = 0..;
        let mut topics: Vec<TopicProduceData> = given
            .iter()
            .map(|(name, partitions)| {
                let data = |index: &i32| {
                    let records = vec![0; number.next().expect("it has no end")];
                    PartitionProduceData { index: *index, records: Some(Bytes::from(records).into()) }
                };
                let partition_data = partitions.iter().map(data).collect();
                TopicProduceData { name: name.to_string(), partition_data, ..Default::default() }
            })
            .collect();
        assert!(keep_one_of_each(&mut topics, 9).is_empty(), "none has the right form");
        let kept: Vec<(&str, Vec<(i32, i64)>)> = topics
            .iter()
            .map(|topic| {
                let length =
                    |data: &PartitionProduceData| data.records.as_ref().map_or(0, |r| r.len()) as i64;
                let data = topic.partition_data.iter().map(|data| (data.index, length(data)));
                (topic.name.as_str(), data.collect())
            })
            .collect();
        let expect: Vec<_> = expect.iter().map(|(name, data)| (*name, data.to_vec())).collect();
        assert_eq!(kept, expect, "{given:?}");
    };
    check(&[], &[]);
    check(&[("t", &[5])], &[("t", &[(5, 0)])]);
    check(&[("t", &[1, 0]), ("u", &[0])], &[("t", &[(1, 0), (0, 1)]), ("u", &[(0, 2)])]);
    check(&[("t", &[1, 0, 1, 1])], &[("t", &[(0, 1), (1, 3)])]);
    check(&[("t", &[0]), ("u", &[0]), ("t", &[0])], &[("u", &[(0, 1)]), ("t", &[(0, 2)])]);
}

#[test]
fn of_a_partition_that_is_named_twice_the_last_of_the_right_form_is_appended() {
    let good = || batch(2, 49, 0, 61);
    let (old, empty) = (batch(0, 49, 0, 61), Vec::new());
    let check = |given: &[Vec<u8>], kept: usize, expect: Option<&str>| {
        let data = |records: &Vec<u8>| PartitionProduceData {
            index: 0,
            records: Some(Bytes::from(records.clone()).into()),
        };
        let partition_data: Vec<_> = given.iter().map(data).collect();
        let mut topics =
            vec![TopicProduceData { name: "t".to_owned(), partition_data, ..Default::default() }];
        let overruled = keep_one_of_each(&mut topics, 9);
        let left = topics[0].partition_data[0].records.as_ref().map(|records| records.to_bytes());
        assert_eq!(topics[0].partition_data.len(), 1);
        assert_eq!(left.as_deref(), Some(&given[kept][..]));
        assert_eq!(overruled.first().and_then(|(_, error)| error.message.as_deref()), expect);
        assert!(overruled.iter().all(|(name, _)| *name == ("t".to_owned(), [0; 16], 0)));
    };
    let (of_old, of_empty) = (
        "A produce request must have record batches of magic 2",
        "A produce request must have one whole record batch per partition",
    );
    check(&[good(), batch(2, 49, 1, 61)], 1, None);
    check(&[good(), old.clone()], 0, Some(of_old));
    check(&[old.clone(), good()], 1, Some(of_old));
    check(&[empty.clone(), good(), old.clone()], 1, Some(of_old));
    check(&[old.clone(), good(), empty.clone()], 1, Some(of_empty));
    check(&[empty, old], 1, None);
}
