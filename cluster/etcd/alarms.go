package etcd

import (
	"cmp"
	"maps"
	"slices"

	"github.com/fauxkube/fauxkube/sim/network"
)

// AlarmType is what an alarm is about.
type AlarmType uint8

const (
	// AlarmNoSpace: a member's database has reached its quota. Writes that need space are refused.
	AlarmNoSpace AlarmType = iota + 1
	// AlarmCorrupt: a member's state differs from the others'.
	AlarmCorrupt
)

func (t AlarmType) String() string {
	if t == AlarmCorrupt {
		return "CORRUPT"
	}
	return "NOSPACE"
}

// AlarmAction is what to do about alarms.
type AlarmAction uint8

// Actions on alarms.
const (
	AlarmGet AlarmAction = iota
	AlarmActivate
	AlarmDeactivate
)

// Alarm is an alarm of a member.
type Alarm struct {
	MemberID uint64
	Type     AlarmType
}

// AlarmRequest lists the alarms of a type (0 is all), raises one or lowers one.
type AlarmRequest struct {
	Action AlarmAction
	Alarm
}

// AlarmResponse lists the alarms concerned.
type AlarmResponse struct {
	Header Header
	Alarms []Alarm
}

// alarms are the alarms in force; they are replicated.
type alarms map[Alarm]bool

func (a alarms) clone() alarms {
	if a == nil {
		return alarms{}
	}
	return maps.Clone(a)
}

// raised reports whether any member has an alarm of a type.
func (a alarms) raised(t AlarmType) bool {
	for x := range a { //sim:unordered whether there is one
		if x.Type == t {
			return true
		}
	}
	return false
}

func (a alarms) sorted() []Alarm {
	all := make([]Alarm, 0, len(a))
	for x := range a { //sim:unordered sorted below
		all = append(all, x)
	}
	slices.SortFunc(all, func(x, y Alarm) int {
		return cmp.Or(cmp.Compare(x.MemberID, y.MemberID), cmp.Compare(x.Type, y.Type))
	})
	return all
}

// refuse is the error of a command that the alarms in force do not let through: a corrupt store changes nothing, one
// without space takes nothing that needs some.
func (a alarms) refuse(request any) error {
	if len(a) == 0 {
		return nil
	}
	switch request.(type) {
	case *AlarmRequest:
		return nil
	default:
		if a.raised(AlarmCorrupt) {
			return ErrCorrupt
		}
	}
	if a.raised(AlarmNoSpace) && spaceBytes(request) > 0 {
		return ErrNoSpace
	}
	return nil
}

func (m *Member) applyAlarm(r *AlarmRequest) (any, int, error) {
	response := &AlarmResponse{Header: m.header()}
	switch {
	case r.Action == AlarmGet:
		for _, x := range m.alarms.sorted() {
			if r.Type == 0 || r.Type == x.Type {
				response.Alarms = append(response.Alarms, x)
			}
		}
	case r.Action == AlarmActivate && r.Type != 0:
		m.alarms[r.Alarm] = true
		response.Alarms = []Alarm{r.Alarm}
	case r.Action == AlarmDeactivate && m.alarms[r.Alarm]:
		delete(m.alarms, r.Alarm)
		response.Alarms = []Alarm{r.Alarm}
	}
	return response, headerBytes + 16*len(response.Alarms), nil
}

// What counts against the quota (server/storage/quota.go): a key with its value and some more; a lease.
const (
	keyQuotaBytes   = 256
	leaseQuotaBytes = 64
)

// spaceBytes is the space that a request may take: of a transaction that of the branch that takes more, so that one that
// only deletes takes none.
func spaceBytes(request any) int {
	switch r := request.(type) {
	case *PutRequest:
		n := keyQuotaBytes + len(r.Key)
		if r.Value != nil {
			n += r.Value.SizeBytes()
		}
		return n
	case *LeaseGrantRequest:
		return leaseQuotaBytes
	case *TxnRequest:
		return max(opsSpaceBytes(r.Success), opsSpaceBytes(r.Failure))
	default:
		return 0
	}
}

func opsSpaceBytes(ops []RequestOp) (n int) {
	for i := range ops {
		switch {
		case ops[i].Put != nil:
			n += spaceBytes(ops[i].Put)
		case ops[i].Txn != nil:
			n += spaceBytes(ops[i].Txn)
		}
	}
	return n
}

// full reports whether what a request takes would bring the database to its quota.
func (m *Member) full(sizeBytes int) bool {
	size := max(m.backend.fileBytes, m.store.SizeBytes())
	return sizeBytes > 0 && size+int64(sizeBytes) >= m.config.QuotaBytes
}

// raiseNoSpace raises the alarm and then fails a call, which may be nil.
func (m *Member) raiseNoSpace(call *network.ServerCall) {
	mine := Alarm{MemberID: m.id, Type: AlarmNoSpace}
	m.proposeOwn(&AlarmRequest{Action: AlarmActivate, Alarm: mine}, func(error) {
		if call != nil {
			call.Fail(ErrNoSpace)
		}
	})
}

// failFull ends a request that was let in when there was space, and met none when it was applied. It has had its effect
// nevertheless, since members have files of different sizes and must come to the same state; but a member without space
// says so, and raises the alarm first where there is none (etcdserver/server.go: applyEntryNormal).
func (m *Member) failFull(c *Command, mine bool) {
	switch {
	case !m.alarms.raised(AlarmNoSpace):
		m.raiseNoSpace(m.takeCall(c))
	case mine:
		m.answer(c, nil, 0, ErrNoSpace)
	}
}
