// Package partlog is the embedded engine of the partition seam (package log): partitions as segment files behind one
// shared journal. It assigns offsets, decides sequences (package producer), makes appends durable, serves reads as
// ranges of files, rolls, retains and trims, and recovers after a crash. It knows no topic names, protocol or contract.
//
// # An append
//
//	Append          under the partition's lock: sequence decision, offset, segment and position; then into a queue
//	writer          one goroutine: everything queued goes to the segment files (page cache, no flush), then to the journal
//	journal         one goroutine: one write, one flush for all partitions
//	settle          high watermarks move, watchers wake, requests are answered
//
// So the high watermark is the flushed end, and nobody reads what a power cut could take. A topic with Config.FlushOS
// passes through the same queues, but its batches are not journalled.
//
// What was written to segments is on its way to the disk long before it must be there: flushing all of it at a checkpoint
// would make the journal, and with it every producer, wait for the disk.
//
// A checkpoint makes durable what the journal holds: it notes the journal's position, takes each dirty partition's state,
// waits until everything that this state counts is in segments and journal, flushes these segments and directories,
// appends the states to the ledger, flushes that, and releases the journal's frames. It runs when half of the journal's
// bound is taken, every minute while there is something to do, and at Close.
//
// # Files
//
//	ledger                         states of all partitions, see below
//	journal/                       see package journal
//	topics/<topic id in hex>/<partition>/<base offset, 20 digits>.log
//	                               a segment: record batches as Fetch returns them, one after another, nothing else
//	stranded/<topic id in hex>-<partition>
//	                               frames of the journal that a stopped partition still needs, see below
//	reserve                        takes room for a full disk, see below
//	topics/<topic id in hex>/<partition>/<base offset, 20 digits>-<n>.log
//	               likewise, written by compaction for the n-th time
//	stray/<time>-<topic id>...     directories without a topic, set aside and never deleted; what the journal held for them
//	                               lies beside them, as stranded files do: <topic id>-<partition>.frames
//	trash/                         deleted topics on their way out
//
// Offset and time indexes are kept in memory only, for segments that are read; they are rebuilt by a walk over the
// segment's batch headers, and forgotten when they take too much.
//
// # The ledger
//
// An append-only file, replaced as a whole (ledger.new, renamed) at each start and when most of it is old. All integers
// are big-endian. It begins with the 8 bytes "tlledgr1". Then records:
//
//	offset size
//	  0     4   CRC-32C of bytes 4 to the end of the record
//	  4     4   length of the body
//	  8     1   kind
//	  9    16   topic id, zeros in a commit
//	 25     4   partition
//	 29         body
//
//	kind 1, state of a partition: all that is below its next offset is in flushed segments
//	   log start 8, next offset 8, flags 1 (1: batches that were not journalled may follow,
//	   2: compaction has been here),
//	   epoch count 4, then for each: leader epoch 4, its first offset 8,
//	   segment count 4, then for each: base offset 8, size in bytes 8, time of its first append 8, largest timestamp 8,
//	   if compaction has been here: where it goes on 8, then for each segment: how often compaction has written it 4,
//	   producer snapshot (package producer) to the end
//	kind 2, log start of a partition: offset 8. It never goes back.
//	kind 4, length in bytes of a partition's stranded file that the next start replays: 8. A later state of the partition
//	   ends it
//	kind 3, commit: journal sequence from which on frames are needed 8, flags 1 (1: clean shutdown)
//
// Records count once a commit follows them. What follows the last commit is the rest of one that was cut off.
//
// # Compaction
//
// A partition with cleanup.policy=compact is compacted when enough of it is dirty (min.cleanable.dirty.ratio), or is for too
// long (max.compaction.lag.ms). Only segments are that are sealed, below the last checkpoint and the last stable offset, and
// older than min.compaction.lag.ms. One pass maps the keys of what is dirty to their last offsets, as many as the memory
// allows, and writes all segments up to there anew, small ones together; a partition with more keys takes several passes.
//
// What stays keeps its offset. A batch keeps its base and last offset, its producer and its sequences, as in Apache Kafka;
// a batch without records goes, but for the last one of a segment, so that readers get to the end of the offsets. What the
// producers table knows lies in the ledger, so that no batch has to stay for its sake. A batch whose tombstones are met for
// the first time is given a delete horizon (KIP-534), after which they go; so is the marker of a transaction of which no record
// is left, and with an abort marker goes what read_committed readers are told of its transaction.
//
// A new segment has a name of its own. It is written and flushed, and so is its directory; then the partition uses it; the next
// checkpoint's state names it; then the files that it replaces are removed. So at any point the ledger names files that
// are whole, and a start removes the others. Segments are replaced in the order of their offsets, so that no tombstone goes
// before what it deletes. Readers that hold chunks of replaced segments keep them.
//
// # Failures
//
// A failed write or flush of the journal or the ledger stops all writes of the broker until a restart; reads go on.
//
// A failed write or flush of a segment or of a partition's directory stops that partition's writes: it answers
// log.ErrStorage, and what was visible before can be read. What had its place already goes into the journal all the same
// and is acknowledged, because it is durable there and units must stay whole; nobody sees it before a start, or a revival
// (below), has replayed it. The ledger keeps the partition's last state. So that the journal can move on, each checkpoint copies the
// frames that it is about to release and that belong to a stopped partition to the partition's stranded file and flushes it,
// before the ledger's commit says how long that file is. The next start replays it, and then the journal; once
// a checkpoint has noted the partition's state again, the file is removed. The same is done for a partition that refuses
// everything since the start, so that it loses nothing until its files have been put back.
//
// A full disk is no failure. The reserve is a file with as many bytes as the journal has now and up to 32 MiB (half of the
// journal's bound) more; the journal does not grow before the reserve has. When a segment, the journal, the ledger or a
// directory finds no room, or when next to none is left, the reserve is given up and the operation is done again: what was
// taken so far always fits. From then on appends answer log.ErrStorage, at once, except for essential topics (offset
// commits), which may append some MiB more; reads, deletions of topics and trims go on, and checkpoints release the
// journal. Every few seconds, and whenever something was deleted, the engine tries to make the reserve again, and when it
// can, takes appends again. A disk that has room for the data but not for the reserve to grow keeps the journal as
// small as it is. Only if others on the disk take the reserve's room, too, does a partition stop as above, and then until
// there is room: every few seconds the engine tries to revive it. Every batch has kept its segment and position, so all that
// lies behind the partition's state in the ledger is written to its place again, from the stranded file and the journal, and
// flushed; readers see the same bytes meanwhile. What was not journalled and could not be written was refused, and is forgotten.
//
// A stranded file is the 8 bytes "tlstrnd1" and then records as in the ledger, of kind 5, whose body is a frame's payload.
//
// # Damage
//
// Checksums of batches are checked when the engine itself reads a batch: by a look-up by time, by recovery (frames of the
// journal and of stranded files; segments only where batches were not journalled), and by the scrub, a goroutine that reads everything
// once a week, at 8 MiB a second, for the first time an hour after a start, unless Options say otherwise. Verify does the same on a stopped engine's directory.
// A read by offset looks at headers only; there the client checks. A batch that was found to be bad is logged
// with file and position and answered with log.ErrCorrupt until the next start: it is never served, and what lies before and
// behind it is. If its length cannot be trusted, that goes for the rest of the segment.
//
// # Recovery
//
// A partition begins as its ledger state says. What its segments hold beyond that is cut off, and the frames of the
// journal are appended again: the journal is the truth, so that units (a batch with its companions) stay whole. Where
// batches were not journalled, the segment's valid batches are kept up to the first damaged one, and are written again: after a
// flush that failed the system may take them for flushed. Frames of
// partitions that do not exist are dropped. A segment or directory that the ledger names and the disk does not have is an
// error of that partition: it refuses, and the others serve.
package partlog
