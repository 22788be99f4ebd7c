package format

// APIVersion and Kind are what a scenario file says it is.
const (
	APIVersion = "fauxkube.dev/v1alpha1"
	Kind       = "Scenario"
	// KubernetesVersion is the line of Kubernetes that is imitated.
	KubernetesVersion = "v1.36"
)

// Scenario is one file: a cluster, what happens to it, and what must hold.
type Scenario struct {
	APIVersion string   `json:"apiVersion" jsonschema_description:"fauxkube.dev/v1alpha1"`
	Kind       string   `json:"kind" jsonschema_description:"Scenario"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`

	// File is where the scenario was read from, for messages and relative paths.
	File string `json:"-"`
	// Read reads the files that the scenario names by path; nil reads them from the folder that File is in.
	Read func(path string) ([]byte, error) `json:"-"`
	// SkipUnknownKinds leaves out objects of manifests whose kind is not served, in place of refusing them.
	SkipUnknownKinds bool `json:"-"`
	// Source is the text that it was read from.
	Source []byte `json:"-"`
}

// Metadata names a scenario.
type Metadata struct {
	Name        string            `json:"name" jsonschema_description:"a DNS label; by it the scenario is found and reported"`
	Labels      map[string]string `json:"labels,omitempty" jsonschema_description:"free labels, e.g. suite: smoke"`
	Annotations map[string]string `json:"annotations,omitempty" jsonschema_description:"free text; description is shown by list"`
}

// Spec is what a scenario does.
type Spec struct {
	Kubernetes string        `json:"kubernetes,omitempty" jsonschema_description:"the version imitated: v1.36"`
	StartTime  Timestamp     `json:"startTime,omitempty" jsonschema_description:"wall time at virtual time 0, RFC 3339"`
	Seeds      Seeds         `json:"seeds,omitempty" jsonschema_description:"a number, a range 1-20, or a list 1-3,7: all must hold"`
	Timeout    Duration      `json:"timeout,omitempty" jsonschema_description:"simulated time after which the run has failed; 30m unless given"`
	Cluster    ClusterSpec   `json:"cluster,omitempty" jsonschema_description:"the cluster; three control-plane hosts and three nodes unless given"`
	Store      *Store        `json:"store,omitempty" jsonschema_description:"work for the store alone: nothing else of Kubernetes runs"`
	Steps      []Step        `json:"steps,omitempty" jsonschema_description:"what happens, each step at its time"`
	Expect     []Expectation `json:"expect,omitempty" jsonschema_description:"what must hold, in CEL"`
	Measure    []Measure     `json:"measure,omitempty" jsonschema_description:"bounds on metrics"`
}

// ClusterSpec describes the machines and what runs on them.
type ClusterSpec struct {
	ControlPlane ControlPlane            `json:"controlPlane,omitempty"`
	Clients      map[string]ClientRate   `json:"clients,omitempty" jsonschema_description:"token buckets by component: kube-controller-manager, kube-scheduler, kubelet"`
	Scheduler    Scheduler               `json:"scheduler,omitempty"`
	NodePools    []NodePool              `json:"nodePools,omitempty"`
	Images       map[string]Image        `json:"images,omitempty" jsonschema_description:"by image reference; without a tag, or with :*, it means every tag"`
	Costs        map[string]CostOverride `json:"costs,omitempty" jsonschema_description:"rows of the cost table that differ"`
	Network      Network                 `json:"network,omitempty"`
}

// ControlPlane sizes the control plane.
type ControlPlane struct {
	APIServers int      `json:"apiservers,omitempty" jsonschema:"minimum=1,maximum=9" jsonschema_description:"API servers, each on a control-plane host; 2 unless given"`
	Etcd       int      `json:"etcd,omitempty" jsonschema:"minimum=1,maximum=5" jsonschema_description:"members of the store: 1, 3 or 5; 3 unless given"`
	Zones      []string `json:"zones,omitempty" jsonschema_description:"zones over which the hosts are spread"`
	CPU        int      `json:"cpu,omitempty" jsonschema:"minimum=1,maximum=1024" jsonschema_description:"cores of each control-plane host; 4 unless given"`
}

// Scheduler configures kube-scheduler. Config and Policy exclude each other.
type Scheduler struct {
	Config       string          `json:"config,omitempty" jsonschema_description:"a file with a KubeSchedulerConfiguration, kubescheduler.config.k8s.io/v1"`
	Policy       string          `json:"policy,omitempty" jsonschema:"enum=bestfit,enum=default,enum=dotprod,enum=fgd,enum=firstfit,enum=gpuclustering,enum=gpupacking,enum=random" jsonschema_description:"an alternative algorithm that knows single GPUs, whole and shared; default is kube-scheduler's own scores with such GPUs; in place of config"`
	Workload     string          `json:"workload,omitempty" jsonschema_description:"with policy fgd: a list of pods in the form of the openb traces, whose requests nodes are kept fit for; learned from the pods that come unless given"`
	Ties         string          `json:"ties,omitempty" jsonschema:"enum=upstream,enum=random,enum=name" jsonschema_description:"who wins among nodes of equal score: the one that kube-scheduler's heap leaves, one that is drawn, or the first by name; by name with a policy, otherwise upstream"`
	FeatureGates map[string]bool `json:"featureGates,omitempty" jsonschema_description:"feature gates of the scheduler that are not at their default"`
	Extenders    []Extender      `json:"extenders,omitempty" jsonschema_description:"services that the configuration's extenders may name by URL"`
}

// Extender is a scheduler extender that goes by the labels of nodes.
type Extender struct {
	URL          string   `json:"url" jsonschema_description:"the urlPrefix by which the scheduler's configuration calls it; its host names a machine that is added, e.g. http://extender:8888/scheduler. It answers filter, prioritize, preempt and bind below that."`
	Latency      Duration `json:"latency,omitempty" jsonschema_description:"how long it thinks about a request"`
	Nodes        string   `json:"nodes,omitempty" jsonschema_description:"label selector: the nodes that fit; all unless given"`
	Message      string   `json:"message,omitempty" jsonschema_description:"why other nodes don't fit"`
	Unresolvable bool     `json:"unresolvable,omitempty" jsonschema_description:"preemption would not help on the other nodes"`
	ScoreLabel   string   `json:"scoreLabel,omitempty" jsonschema_description:"label whose value, 0 to 10, is a node's score"`
}

// ClientRate is a token bucket.
type ClientRate struct {
	QPS   float64 `json:"qps" jsonschema_description:"requests a second"`
	Burst int     `json:"burst" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"requests at once"`
}

// Store is work for a store alone. Every answer and every event is checked.
type Store struct {
	Duration          Duration `json:"duration,omitempty" jsonschema_description:"how long the clients work at least; until the last fault has been lifted in any case"`
	Clients           int      `json:"clients,omitempty" jsonschema:"minimum=1,maximum=100" jsonschema_description:"machines that ask; 4 unless given, and one that is slow"`
	RequestsPerSecond int      `json:"requestsPerSecond,omitempty" jsonschema:"minimum=1,maximum=100000" jsonschema_description:"of all clients together; 20 unless given"`
	Keys              int      `json:"keys,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"that they share; 8 unless given"`
	ValueSize         Quantity `json:"valueSize,omitempty" jsonschema_description:"256 bytes unless given"`
	Watchers          int      `json:"watchers,omitempty" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"watches of each client; 2 unless given"`
	SnapshotEntries   int      `json:"snapshotEntries,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"entries of the log from one snapshot of a member to the next; 10000 unless given"`
}

// NodePool is a number of equal nodes.
type NodePool struct {
	Name     string            `json:"name" jsonschema_description:"prefix of the nodes' names, and their label pool"`
	Count    int               `json:"count" jsonschema:"minimum=0,maximum=20000" jsonschema_description:"how many nodes"`
	Zones    []string          `json:"zones,omitempty" jsonschema_description:"zones over which the nodes are spread in turn"`
	Region   string            `json:"region,omitempty"`
	Capacity map[string]string `json:"capacity,omitempty" jsonschema_description:"resources of each node as quantities: cpu, memory, pods, ephemeral-storage, or extended ones"`
	Labels   map[string]string `json:"labels,omitempty"`
	Taints   []Taint           `json:"taints,omitempty"`
	Kubelet  Kubelet           `json:"kubelet,omitempty" jsonschema_description:"real, or {stages: FILE} with KWOK Stage documents in place of the pod workers"`
}

// Taint is a node taint.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect" jsonschema:"enum=NoSchedule,enum=PreferNoSchedule,enum=NoExecute"`
}

// Kubelet says what plays the kubelet: Stages is the file with KWOK stages, empty for the real one.
type Kubelet struct {
	Stages string
}

// Image overrides what an image is and does; zero fields keep the defaults.
type Image struct {
	Size          Quantity `json:"size,omitempty" jsonschema_description:"100Mi unless given"`
	Startup       Duration `json:"startup,omitempty" jsonschema_description:"from start to running; 1s unless given"`
	Termination   Duration `json:"termination,omitempty" jsonschema_description:"from SIGTERM to exit; 1s unless given"`
	IgnoreSigterm bool     `json:"ignoreSigterm,omitempty"`
	ReadyAfter    Duration `json:"readyAfter,omitempty" jsonschema_description:"probes fail until so long after the start"`
	RunFor        Duration `json:"runFor,omitempty" jsonschema_description:"exits by itself after so long"`
	ExitCode      int      `json:"exitCode,omitempty" jsonschema:"minimum=0,maximum=255" jsonschema_description:"of that exit"`
	FailProbes    []string `json:"failProbes,omitempty" jsonschema_description:"probes that never succeed: startup, readiness, liveness"`
	PullError     string   `json:"pullError,omitempty" jsonschema_description:"the pull fails with this message"`
}

// CostOverride replaces a row of the cost table. Fixed, or p50 and p99 of a log-normal; perUnit where work has a size.
type CostOverride struct {
	Fixed   Duration `json:"fixed,omitempty"`
	PerUnit Duration `json:"perUnit,omitempty"`
	P50     Duration `json:"p50,omitempty"`
	P99     Duration `json:"p99,omitempty"`
}

// Network overrides the paths' latencies.
type Network struct {
	SameZone    Latency `json:"sameZone,omitempty" jsonschema_description:"one way, between hosts of a zone"`
	CrossZone   Latency `json:"crossZone,omitempty" jsonschema_description:"one way, between zones of a region"`
	CrossRegion Latency `json:"crossRegion,omitempty" jsonschema_description:"one way, between regions"`
}

// Latency is a log-normal's median and 99th percentile.
type Latency struct {
	P50 Duration `json:"p50"`
	P99 Duration `json:"p99"`
}
