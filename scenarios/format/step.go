package format

// Step is one thing that happens. Exactly one of kubectl, nodes, chaos, workload, etcd and wait says what.
type Step struct {
	Name  string   `json:"name,omitempty" jsonschema_description:"refers to the step elsewhere, and is its ID"`
	At    Duration `json:"at,omitempty" jsonschema_description:"virtual time since step time 0, when the API answers and the initial nodes are Ready; 0s unless at or after is given for the first, after the step before it otherwise"`
	After After    `json:"after,omitempty" jsonschema_description:"a step's name, with +duration where wanted: begins when that step is done"`

	Kubectl  Commands  `json:"kubectl,omitempty" jsonschema_description:"arguments of kubectl, or a list of them: one step that runs them in order"`
	Manifest string    `json:"manifest,omitempty" jsonschema_description:"what apply -f - and create -f - read, inline YAML of one or more documents"`
	Nodes    *Nodes    `json:"nodes,omitempty" jsonschema_description:"what happens to machines"`
	Chaos    *Chaos    `json:"chaos,omitempty" jsonschema_description:"a Chaos Mesh document, or one of ours in the same shape; the step is done when the fault is in place"`
	Workload *Workload `json:"workload,omitempty" jsonschema_description:"objects that arrive one by one, and leave; the step is done when the last has been created"`
	Etcd     *Etcd     `json:"etcd,omitempty" jsonschema_description:"a backup of the store, or the return to one"`
	Wait     string    `json:"wait,omitempty" jsonschema_description:"CEL; the step is done when it holds"`
	Within   Duration  `json:"within,omitempty" jsonschema_description:"how long a wait, or kubectl, may take; the run fails after it"`

	// HasAt tells at: 0s from no at.
	HasAt bool `json:"-"`
	// ID is Name, or derived from the content.
	ID   string `json:"-"`
	Line int    `json:"-"`
	// ManifestLine is where the manifest's text begins.
	ManifestLine int `json:"-"`
}

// After refers to a step and a pause after its end.
type After struct {
	Step  string
	Pause Duration
}

// Commands is one or more kubectl argument lines.
type Commands []string

// Nodes is an action on machines.
type Nodes struct {
	Add    *NodePool `json:"add,omitempty" jsonschema_description:"a pool of new nodes"`
	Delete []string  `json:"delete,omitempty" jsonschema_description:"nodes that go, machine and Node object; glob patterns"`
	Crash  []string  `json:"crash,omitempty" jsonschema_description:"machines that lose power; glob patterns, control-plane hosts only by those that begin with cp-"`
	Boot   []string  `json:"boot,omitempty" jsonschema_description:"crashed machines that come back"`
	Reboot []string  `json:"reboot,omitempty" jsonschema_description:"crash, and boot 30s later"`
	Pause  []string  `json:"pause,omitempty" jsonschema_description:"machines that stop, as a suspended VM"`
	Resume []string  `json:"resume,omitempty" jsonschema_description:"paused machines that go on"`
}

// Etcd is what an operator does with backups of the store. Exactly one of snapshotSave and restore is given.
type Etcd struct {
	SnapshotSave string `json:"snapshotSave,omitempty" jsonschema_description:"file that the state of the store is written to; relative to the folder of the scenario's file"`
	Restore      string `json:"restore,omitempty" jsonschema_description:"file that a new store begins with: the control plane stops, every member starts with the backup in place of what it had, the control plane starts again"`
	BumpRevision int    `json:"bumpRevision,omitempty" jsonschema:"minimum=1" jsonschema_description:"with restore: how much higher than the backup's the new store's revision is, its history compacted; e.g. 1000000000, so that nobody takes old revisions for new ones"`
}

// Chaos is a fault document; Spec is checked by the fault's kind.
type Chaos struct {
	APIVersion string        `json:"apiVersion,omitempty" jsonschema_description:"chaos-mesh.org/v1alpha1 or fauxkube.dev/v1alpha1"`
	Kind       string        `json:"kind" jsonschema_description:"PodChaos, NetworkChaos, NodeChaos, ControlPlaneChaos, EtcdChaos, ..."`
	Metadata   ChaosMetadata `json:"metadata,omitempty"`
	Spec       Raw           `json:"spec"`

	Line int `json:"-"`
}

// ChaosMetadata names a fault; the namespace is where its selectors look by default.
type ChaosMetadata struct {
	Name        string            `json:"name,omitempty"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Expectation is a property of the run in CEL. Exactly one of always, eventually and never is given.
type Expectation struct {
	Name       string   `json:"name,omitempty" jsonschema_description:"what is expected, in words"`
	Always     string   `json:"always,omitempty" jsonschema_description:"holds at every commit between from and until"`
	Never      string   `json:"never,omitempty" jsonschema_description:"holds at no commit between from and until"`
	Eventually string   `json:"eventually,omitempty" jsonschema_description:"holds within the time after the step, and then for stable"`
	From       After    `json:"from,omitempty" jsonschema_description:"step at whose end it begins; the start of the run unless given"`
	Until      After    `json:"until,omitempty" jsonschema_description:"step at whose beginning it ends; the end of the run unless given"`
	After      After    `json:"after,omitempty" jsonschema_description:"step from whose end within counts"`
	Within     Duration `json:"within,omitempty" jsonschema_description:"until when eventually must hold; the end of the run unless given"`
	Stable     Duration `json:"stable,omitempty" jsonschema_description:"how long it must keep holding"`
	View       string   `json:"view,omitempty" jsonschema_description:"an API server, e.g. apiserver-0, whose cache is read in place of the store"`

	ID   string `json:"-"`
	Line int    `json:"-"`
}

// Measure bounds a metric at the end of the run.
type Measure struct {
	Metric     string            `json:"metric" jsonschema_description:"a metric's name"`
	Labels     map[string]string `json:"labels,omitempty" jsonschema_description:"labels that its series must have"`
	Percentile float64           `json:"percentile,omitempty" jsonschema_description:"of a histogram: 50, 90, 99"`
	Fault      string            `json:"fault,omitempty" jsonschema_description:"step that convergence_seconds counts from"`
	Max        Bound             `json:"max,omitempty" jsonschema_description:"a duration or a number"`
	Min        Bound             `json:"min,omitempty" jsonschema_description:"a duration or a number"`

	ID   string `json:"-"`
	Line int    `json:"-"`
}
