// Package disruption is the disruption controller: it keeps the status of PodDisruptionBudgets, from which the API server
// decides whether an eviction is allowed now.
//
// budget.go counts: how many pods there should be (the scale of the controllers that own the selected pods), how many must be
// healthy, and how many are, leaving out those that an eviction has marked and that should be gone within two minutes.
//
// A second queue clears the condition DisruptionTarget from pods that carry it for two minutes without being deleted:
// what announced their end has failed.
package disruption
