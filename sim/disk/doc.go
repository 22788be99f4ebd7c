// Package disk simulates a machine's disk: files that remember what would be left of them if the power failed now.
//
// A file's content is a list of extents. An extent holds a payload, which may be bytes or a reference to any immutable
// value, and a modelled length; nothing is serialised. What a program writes goes to the page cache, at once and for
// nothing. Sync makes it durable, which takes as long as the disk's queue, its latency and its bandwidth say.
//
//	f := d.Open("wal/0")
//	offset, err := f.Append(record, record.SizeBytes())
//	f.Sync(func(err error) { acknowledge() })
//
// # A crash
//
// A process that dies loses nothing here: the page cache is the machine's. When the machine loses power, each file
// falls back to its durable content plus whatever of the later writes happened to get out. Writing back goes by sectors:
// of each sector that was written since the last sync, any earlier state may be what is on the disk, independently of
// the other sectors, and the file's length may be any of those that it had. So a write may be lost, kept or torn;
// an append may leave a hole before it; but what was durable stays, and bytes that share a sector with it are
// either there with everything that was written to this sector before them, or not there. Names are like that as
// well: of the creations, renames and removals since the last SyncDirectory, a crash keeps some first few.
//
// Which state it becomes is drawn from a stream that is stable by disk and file. States lists all of them for a small
// file, so that the code above can be shown to recover from each.
//
// # Reading
//
// Records returns the writes that are still visible and whether each would pass a checksum; Prefix returns those
// before the first one that would not, which is what recovery of a log wants; Bytes returns the content of files
// written as []byte.
//
// # Faults
//
// A disk may sync slowly, stall, be full, fail to sync, say that it synced when it did not, tear the write in hand
// inside a sector when the power fails, and rot.
package disk
