package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// processorTime returns how much processor time processes have used, user and system, with all their descendants, also those
// that have ended.
func processorTime(processes []*exec.Cmd) (sum time.Duration, err error) {
	for _, c := range processes {
		used, err := timeOfTree(c.Process.Pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

func timeOfTree(pid int) (sum time.Duration, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(stat), ") ")       // behind the name of the program
	for _, field := range strings.Fields(after)[11:15] { // of the process and of its children that have ended, in hundredths of a second
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	for child := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			return 0, err
		}
		if used, err := timeOfTree(pid); err == nil { // otherwise it has ended meanwhile
			sum += used
		}
	}
	return sum, nil
}
