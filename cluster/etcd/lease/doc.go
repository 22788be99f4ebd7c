// Package lease keeps the leases of one store member: promises that keys are deleted unless somebody keeps renewing.
// It is a side-effect-free core; the time is handed in, and it proposes nothing itself.
//
// Which leases exist and which keys hang on them is replicated: every member has it. When they end is not: only the
// leader (the primary) has deadlines, on its own monotonic clock, and proposes the revocation of what has expired. A
// new leader does not know when a lease was last renewed, so on promotion each lease gets its full time anew, plus an
// election timeout for the clients to find the leader. If very many would then end in the same second, their ends are
// spread. A demoted leader forgets all deadlines: it must never end a lease that the next leader has extended.
package lease
