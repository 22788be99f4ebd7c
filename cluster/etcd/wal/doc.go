// Package wal is the write-ahead log of one store member on its simulated disk: what raft must not forget, namely
// entries, votes and terms, and which snapshot they build on.
//
// A log is a row of segment files. Records are appended to the last one and become durable by Sync; nobody may be told
// of an entry or given a vote before. After a snapshot a new segment is cut and those before it are released.
//
// # What recovery believes
//
// A crash may lose, keep or tear everything that was not synced, in any combination. So behind the last good record
// there may be garbage, even records that are whole but follow a lost one. That is a torn tail, and is cut off: nobody
// was told of it. But a bad record that had been durable is damage, and cutting there would forget what others rely
// on; then recovery refuses. To tell the two apart, each record says up to where the file was durable when the record
// was written. A bad record below the highest such mark that survived, or in a segment that has a successor, is a hole.
// A record whose bytes are all there but wrong is damage as well, wherever it is: a crash does not do that.
package wal
