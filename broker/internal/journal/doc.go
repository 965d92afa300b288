// Package journal makes appends to many partitions durable with one flush. Appenders enqueue payloads; one goroutine
// writes everything that is queued, in order, in large aligned writes past the page cache, flushes once, and then
// completes all of it. There is no delay: a flush begins as soon as there is something to flush, and what arrives
// meanwhile is the next group.
//
// It knows nothing of batches, offsets or segments: payloads are bytes for a topic id and a partition. Package partlog,
// which lies above, writes the same bytes to its segments without a flush, and from time to time makes those durable
// (a checkpoint) and releases the journal's older frames; after a crash it is handed the frames that were not released.
//
// Flow: partlog -> Append -> queue -> one write, one flush -> Complete -> partlog answers.
//
// # Files
//
// A journal is a directory of files named by a number, 00000001.journal and so on. They are preallocated and used again
// once their frames are released, because overwriting blocks that exist is several times cheaper than
// growing a file. The first has 8 MiB, later ones up to an eighth of the bound (default 256 MiB), and one that must
// hold a larger unit is as large as that.
//
// Each use of a file has a generation, higher than all before. A file is a header block and then frames; blocks have
// 4096 bytes. All integers are big-endian, checksums are CRC-32C.
//
//	offset size  header block
//	  0     8    "tljourn1"
//	  8     8    generation
//	 16     8    sequence number of the first frame in this file
//	 24     4    block size, 4096
//	 28     4    checksum of bytes 0 to 27
//	 32          zeros
//
//	offset size  frame
//	  0     4    checksum of the generation (8 bytes) and of bytes 4 to the end of the payload
//	  4     4    payload length
//	  8     8    generation of the file
//	 16     8    sequence number: one more than that of the frame before, across files
//	 24     1    kind: 1 data, 2 padding (its sequence number is the next frame's)
//	 25     1    flags: 1 the unit goes on with the next frame
//	 26     2    zeros
//	 28     4    partition
//	 32    16    topic id
//	 48          payload
//
// Frames follow one another; where less than a frame's 48 bytes of a block are left, these are zeros and the next frame
// begins with the next block. A write begins at a block and ends with padding up to the end of a block: a padding frame
// or such zeros. So a block that was flushed is never written
// again until its file is used again. The checksum is seeded with the generation and covers the topic id: neither what
// a file held in an earlier use nor the frames of a topic that was deleted and created again can pass for new ones.
//
// Large payloads are not copied: the whole blocks in them are written from where they lie in memory. A padding frame before such
// a payload's frame brings it to the same place within a block in the file as it has in memory. Nor are they read for
// the checksum, if the caller knows that of their bytes (Entry.Sum): checksums of neighbouring bytes can be combined.
//
// A unit is one frame or several, up to the first without flag 1. It lies in one file and is replayed whole or not at
// all.
//
// # Rules
//
//   - The header of a new use is flushed before any frame is written, and a file is flushed before the next is begun: if
//     a file has a header, all frames with lower sequence numbers are durable.
//   - Recovery reads the files by generation, each up to its first invalid frame, and leaves out an unfinished unit at
//     the end. It flushes what it has read, so that nothing it hands out can still be lost, and goes on in another
//     file, so that what lies behind the invalid frame can never be reached.
//   - A file whose first sequence number is higher than the one that is due means that durable frames are missing: that
//     is corruption, not the end of the journal.
//   - Frames that are not released can be read again (Walk), so that the caller can keep some of them elsewhere.
//   - After a failed write or flush nothing is known about the file. The journal refuses everything from then on and never
//     flushes that file again; only a new start reads what is there.
package journal
