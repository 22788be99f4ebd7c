// Package etcd is the store: members that agree on a log through raft and keep the key space, leases and watches of
// etcd v3.6 on simulated machines, disks and networks. The API server is its only client in a cluster; workloads and
// tests may use it raw.
//
// # The life of a write
//
// A client's request reaches some member, which decodes it (a charge on its cores) and keeps it as a [Command]. At the
// end of the instant, or when the disk is done with the turn before, the leader hands everything that waits to raft as
// one proposal of many entries; a follower passes its own on to the leader. Then one turn of raft runs:
//
//	handle   learn who leads; queue what is committed for application; a leader sends the appends at once
//	save     entries and votes go to the log (package wal), one sync a turn
//	         ... the disk works, the followers as well ...
//	finish   a follower says what had to wait for its disk; raft is told that the turn is over
//	apply    committed entries change the state, in order, beside the next turn; whoever proposed one is answered
//
// So an acknowledged write is durable on a majority and applied on the member that answers, throughput follows from
// how many writes share a sync, and latency from a sync and a round trip.
//
// A linearizable read asks the leader how far the log is committed, which the leader confirms with a round of
// heartbeats; all reads that came before the round share it. A serializable read is answered from the local state.
//
// # The files
//
//	member      one process: the turn of raft, roles, the end
//	clock       when it campaigns and sends heartbeats: seeded, since raft's own jitter is not
//	command     what a raft entry stands for, by reference
//	propose     requests that need agreement, until their answer
//	apply       what committed entries do to the state
//	read        linearizable reads
//	peers       raft's messages on the network
//	quiet       acknowledgements that say nothing
//	recover     from the disk to a running member
//	snapshot    the state at one index: on the disk, to followers that are too far behind, and back
//	membership  who belongs to the store and how that changes
//	handover    the leadership given to another member, on request and at shutdown
//	leases      the member's side of leases: renewals, ends, and asking the leader
//	watches     the member's side of watches: streams, progress, leaders that are required
//	compaction  dropping history, when asked and by itself
//	alarms      the quota, and what is refused under an alarm
//	backend     what the database file costs beside the log; maintenance the rest that operators ask
//	service     what the client address answers; client and client_watch are the other side
//	canonical   the observer: the history as it came to pass, with which every member must agree
//	mvcc, wal, lease, watch (packages)   the parts that know no raft, each with its own story
//
// # By reference
//
// Nothing is serialised. The data of a raft entry is a slice of eight bytes that points to the command itself; raft
// passes it on and never looks inside. Sizes are modelled and enforced around raft: requests above the limit are
// refused, append messages are cut at 512 KiB. Values are shared by all members; each member builds its own records,
// so that members can differ, and are found out if they do.
//
// # What is modelled and not real
//
// A follower does not acknowledge an append that only tells it of a commit, which changes nothing but the count of
// messages. The database file of bbolt is a stream of writes and syncs beside the log, which is what it costs; recovery starts
// from the member's own snapshots, taken every 10,000 entries, and the log. There is no authentication. Which errors
// and words a client sees are etcd's.
//
// # Rejected
//
// Asynchronous storage writes of raft: etcd v3.6 does not use them, and they would change the shape of the latency. A
// table from entry ids to commands: it would have to know when the last member has forgotten an id. raft's own election
// timer: its jitter comes from crypto/rand.
//
// The package may change; what the API server uses of it changes with the API server.
package etcd
