// Package record reads, verifies, builds and re-compresses Kafka record batches, message format v2.
//
// It knows bytes only: no topics, partitions, requests or files. A batch from a client passes Verify (the header, its
// length and its CRC), then Codecs.Open and Records.Check (every record inside), before the contract and the
// partition log see it. The log patches offset, epoch and append time in place; readers get the same bytes back.
//
// # A batch
//
// All integers are big-endian. The CRC covers everything from the attributes to the end, so that the base offset and
// the leader epoch can be patched without computing it again.
//
//	offset size field
//	  0     8   base offset          of the first record; 0 in what a producer sends
//	  8     4   batch length         bytes that follow this field; the whole batch is 12 more
//	 12     4   partition leader epoch
//	 16     1   magic                2
//	 17     4   CRC-32C              of bytes 21 to the end
//	 21     2   attributes           see below
//	 23     4   last offset delta    of the last record; stays when compaction removes records
//	 27     8   base timestamp       milliseconds since the epoch; -1 is none. The delete horizon if bit 6 is set
//	 35     8   max timestamp        of all records, or the append time if bit 3 is set
//	 43     8   producer id          -1 is none
//	 51     2   producer epoch       -1 is none
//	 53     4   base sequence        of the first record; -1 is none
//	 57     4   records count
//	 61         records              compressed as one run of bytes if bits 0-2 say so
//
//	attributes
//	 bits 0-2   compression: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd (KIP-110)
//	 bit  3     timestamp type: 0 create time, 1 log append time (KIP-32)
//	 bit  4     transactional (KIP-98)
//	 bit  5     control batch (KIP-98)
//	 bit  6     base timestamp is a delete horizon, set by compaction only (KIP-534)
//	 bits 7-15  unused
//
// # A record
//
// Lengths and deltas are zigzag varints; a length of -1 is a null.
//
//	length           varint    bytes that follow this field
//	attributes       1 byte    unused
//	timestamp delta  varlong   to the base timestamp
//	offset delta     varint    to the base offset
//	key length       varint    then the key
//	value length     varint    then the value
//	header count     varint    then for each: key length, key, value length, value
//
// A control batch holds one record. Its key is a version and a type (int16 each; 0 abort, 1 commit), its value a
// version (int16) and the coordinator's epoch (int32).
//
// # Compressed records
//
// gzip: one or more members. snappy: a raw block, or the framing of snappy-java ("xerial"): the 8 bytes 82 'SNAPPY'
// 00, two int32 versions, then blocks, each with an int32 length. lz4: one frame with independent blocks, as
// Kafka's Java client demands it. zstd: frames without a dictionary.
//
// Sources: KIP-98 (https://cwiki.apache.org/confluence/x/ZBFkAw), KIP-32, KIP-110, KIP-534, and "Message Format" in Apache
// Kafka's documentation (https://kafka.apache.org/documentation/#messageformat).
package record
