package fairness

// Wildcard matches every verb, group or resource of a rule.
const Wildcard = "*"

// Distinguisher says what makes two requests of a schema different flows.
type Distinguisher uint8

const (
	// NoDistinguisher: the whole schema is one flow.
	NoDistinguisher Distinguisher = iota
	// ByUser: one flow per user name.
	ByUser
	// ByNamespace: one flow per namespace of the request.
	ByNamespace
)

// SubjectKind is what a Subject names.
type SubjectKind uint8

const (
	// SubjectUser names one user.
	SubjectUser SubjectKind = iota
	// SubjectGroup names a group.
	SubjectGroup
	// SubjectServiceAccounts names every service account of a namespace.
	SubjectServiceAccounts
)

// Subject is who a schema is about.
type Subject struct {
	Kind SubjectKind
	Name string // user, group, or namespace
}

// Rule is what a schema is about. An empty list matches nothing.
type Rule struct {
	Verbs, Groups, Resources []string
}

// Schema is a FlowSchema: the requests of any of its subjects that match any of its rules belong to its level.
type Schema struct {
	Name          string
	Level         string
	Precedence    int // smaller is tried first
	Distinguisher Distinguisher
	Subjects      []Subject
	Rules         []Rule
}

// LevelConfig is a PriorityLevelConfiguration.
type LevelConfig struct {
	Name            string
	Exempt          bool
	Shares          int
	LendablePercent int
	// Queues of 0 rejects at once what finds no seat.
	Queues, HandSize, QueueLengthLimit int
}

// Config is the whole configuration of a server.
type Config struct {
	// Seats is the number of requests that the server executes at once: upstream's --max-requests-inflight (400) plus
	// --max-mutating-requests-inflight (200).
	Seats   int
	Levels  []LevelConfig
	Schemas []Schema
}

// Defaults returns the mandatory and suggested objects of v1.36 (k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap).
func Defaults() Config {
	return Config{Seats: 600, Levels: defaultLevels(), Schemas: defaultSchemas()}
}

func defaultLevels() []LevelConfig {
	return []LevelConfig{
		{Name: "exempt", Exempt: true},
		{Name: "system", Shares: 30, LendablePercent: 33, Queues: 64, HandSize: 6, QueueLengthLimit: 50},
		{Name: "node-high", Shares: 40, LendablePercent: 25, Queues: 64, HandSize: 6, QueueLengthLimit: 50},
		{Name: "leader-election", Shares: 10, Queues: 16, HandSize: 4, QueueLengthLimit: 50},
		{Name: "workload-high", Shares: 40, LendablePercent: 50, Queues: 128, HandSize: 6, QueueLengthLimit: 50},
		{Name: "workload-low", Shares: 100, LendablePercent: 90, Queues: 128, HandSize: 6, QueueLengthLimit: 50},
		{Name: "global-default", Shares: 20, LendablePercent: 50, Queues: 128, HandSize: 6, QueueLengthLimit: 50},
		{Name: "catch-all", Shares: 5},
	}
}

func defaultSchemas() []Schema {
	all := []Rule{{Verbs: []string{Wildcard}, Groups: []string{Wildcard}, Resources: []string{Wildcard}}}
	everybody := []Subject{group("system:unauthenticated"), group("system:authenticated")}
	kubeSystem := Subject{Kind: SubjectServiceAccounts, Name: "kube-system"}
	return []Schema{
		{Name: "exempt", Level: "exempt", Precedence: 1, Subjects: []Subject{group("system:masters")}, Rules: all},
		{Name: "system-leader-election", Level: "leader-election", Precedence: 100, Distinguisher: ByUser,
			Subjects: []Subject{user("system:kube-controller-manager"), user("system:kube-scheduler"), kubeSystem},
			Rules: []Rule{{Verbs: []string{"get", "create", "update"}, Groups: []string{"coordination.k8s.io"},
				Resources: []string{"leases"}}}},
		{Name: "system-node-high", Level: "node-high", Precedence: 400, Distinguisher: ByUser,
			Subjects: []Subject{group("system:nodes")},
			Rules: []Rule{
				{Verbs: []string{Wildcard}, Groups: []string{""}, Resources: []string{"nodes", "nodes/status"}},
				{Verbs: []string{Wildcard}, Groups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}}}},
		{Name: "system-nodes", Level: "system", Precedence: 500, Distinguisher: ByUser,
			Subjects: []Subject{group("system:nodes")}, Rules: all},
		{Name: "kube-controller-manager", Level: "workload-high", Precedence: 800, Distinguisher: ByNamespace,
			Subjects: []Subject{user("system:kube-controller-manager")}, Rules: all},
		{Name: "kube-scheduler", Level: "workload-high", Precedence: 800, Distinguisher: ByNamespace,
			Subjects: []Subject{user("system:kube-scheduler")}, Rules: all},
		{Name: "kube-system-service-accounts", Level: "workload-high", Precedence: 900, Distinguisher: ByNamespace,
			Subjects: []Subject{kubeSystem}, Rules: all},
		{Name: "service-accounts", Level: "workload-low", Precedence: 9000, Distinguisher: ByUser,
			Subjects: []Subject{group("system:serviceaccounts")}, Rules: all},
		{Name: "global-default", Level: "global-default", Precedence: 9900, Distinguisher: ByUser,
			Subjects: everybody, Rules: all},
		{Name: "catch-all", Level: "catch-all", Precedence: 10000, Distinguisher: ByUser, Subjects: everybody, Rules: all},
	}
}

func group(name string) Subject { return Subject{Kind: SubjectGroup, Name: name} }
func user(name string) Subject  { return Subject{Kind: SubjectUser, Name: name} }
