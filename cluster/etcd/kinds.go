package etcd

import (
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// kinds are the events of a member.
type kinds struct {
	tick, election, drain, decoded, applied, worked, sweep   sim.Kind
	readRetry, read, leave, handover                         sim.Kind
	leaseCheck, flush, watchSync, watchProgress, leaderWatch sim.Kind
	backend, dropped, dropNext, autoCompact                  sim.Kind
}

func registerKinds(p *host.Process) *kinds {
	return p.Attach("etcd.kinds", func() any {
		return &kinds{
			tick:          p.Kind("etcd.tick", tick),
			election:      p.Kind("etcd.election", electionDue),
			drain:         p.Kind("etcd.drain", drain),
			decoded:       p.Kind("etcd.decoded", decoded),
			applied:       p.Kind("etcd.applied", applyEntries),
			worked:        p.Kind("etcd.worked", worked),
			sweep:         p.Kind("etcd.sweep", sweep),
			readRetry:     p.Kind("etcd.read.retry", readRetry),
			read:          p.Kind("etcd.read", answerRead),
			leave:         p.Kind("etcd.leave", leave),
			handover:      p.Kind("etcd.handover", handoverDue),
			leaseCheck:    p.Kind("etcd.lease.check", checkLeases),
			flush:         p.Kind("etcd.watch.flush", flushHub),
			watchSync:     p.Kind("etcd.watch.sync", syncWatchers),
			watchProgress: p.Kind("etcd.watch.progress", progressDue),
			leaderWatch:   p.Kind("etcd.watch.leader", leaderMissing),
			backend:       p.Kind("etcd.backend", commitBackend),
			dropped:       p.Kind("etcd.compact.dropped", droppedBatch),
			dropNext:      p.Kind("etcd.compact.next", dropNext),
			autoCompact:   p.Kind("etcd.compact.auto", compactDue),
		}
	}).(*kinds)
}

// ops are the operations of the cost table that a member charges. The rows are registered by whoever builds the cluster.
type ops struct {
	request host.Op // A write is decoded and proposed; units are KiB of it.
	apply   host.Op // Committed entries are applied; units are entries.
	read    host.Op // A range is answered; units are keys.
	watch   host.Op // Watchers are told; units are responses.
	sync    host.Op // Watchers catch up; units are events.
	compact host.Op // History is dropped; units are records.
}

func opsOf(p *host.Process) *ops {
	return p.Attach("etcd.ops", func() any {
		return &ops{
			request: p.Op("etcd.request"), apply: p.Op("etcd.apply"), read: p.Op("etcd.range"),
			watch: p.Op("etcd.watch"), sync: p.Op("etcd.watch.sync"), compact: p.Op("etcd.compact"),
		}
	}).(*ops)
}

// methods are the calls of the store, as they are named in traces.
type methods struct {
	get, put, delete, txn, compact, watch                                 network.Method
	grant, revoke, keepAlive, timeToLive, leases                          network.Method
	memberAdd, memberRemove, memberPromote, memberList                    network.Method
	moveLeader, status, hashKV, alarm, defragment, backup, raft, snapshot network.Method
	commit                                                                network.Method
}

func methodsOf(n *network.Network) *methods {
	return &methods{
		get: n.Method("etcd.Range"), put: n.Method("etcd.Put"), delete: n.Method("etcd.DeleteRange"),
		txn: n.Method("etcd.Txn"), compact: n.Method("etcd.Compact"), watch: n.Method("etcd.Watch"),
		grant: n.Method("etcd.LeaseGrant"), revoke: n.Method("etcd.LeaseRevoke"),
		keepAlive: n.Method("etcd.LeaseKeepAlive"), timeToLive: n.Method("etcd.LeaseTimeToLive"),
		leases:    n.Method("etcd.LeaseLeases"),
		memberAdd: n.Method("etcd.MemberAdd"), memberRemove: n.Method("etcd.MemberRemove"),
		memberPromote: n.Method("etcd.MemberPromote"), memberList: n.Method("etcd.MemberList"),
		moveLeader: n.Method("etcd.MoveLeader"), status: n.Method("etcd.Status"), hashKV: n.Method("etcd.HashKV"),
		alarm: n.Method("etcd.Alarm"), defragment: n.Method("etcd.Defragment"),
		backup: n.Method("etcd.MaintenanceSnapshot"), raft: n.Method("etcd.Raft"), snapshot: n.Method("etcd.Snapshot"),
		commit: n.Method("etcd.Raft.commit"),
	}
}
