package main

import "github.com/typelog/typelog/schemas/audit"

// windowsEvent says what an event id of a provider means.
type windowsEvent struct {
	operation audit.Operation
	// target is the kind of thing acted upon; id and name are the fields that identify it.
	target, id, name string
	// attribute of the target that changed, and the fields that hold its values.
	attribute, oldValue, newValue string
	// targetActs: the account in the Target fields acted, not the one in the Subject fields.
	targetActs bool
	// failureIsDenial: a failed audit means that the system refused it.
	failureIsDenial bool
}

// knownWindowsEvents returns what is known of a provider's events by id. Others are kept just as well: their fields are
// in metadata, and operation and target stay open.
func knownWindowsEvents(provider string) map[int64]windowsEvent {
	switch provider {
	case "Microsoft-Windows-Security-Auditing":
		return securityEvents
	case "Microsoft-Windows-Sysmon":
		return sysmonEvents
	case "Microsoft-Windows-PowerShell", "PowerShell":
		return powerShellEvents
	case "Microsoft-Windows-Eventlog":
		return eventlogEvents
	}
	return nil
}

// These tables are never written to.
var (
	securityEvents = map[int64]windowsEvent{
		4624: {operation: audit.OperationLogin, targetActs: true},
		4625: {operation: audit.OperationLogin, targetActs: true},
		4634: {operation: audit.OperationLogout, targetActs: true},
		4647: {operation: audit.OperationLogout, targetActs: true},
		4648: {operation: audit.OperationLogin, target: "account", id: "TargetUserName"},
		4656: {target: "object", id: "ObjectName", name: "ObjectName", failureIsDenial: true},
		4658: {target: "handle", id: "HandleId"},
		4663: {target: "object", id: "ObjectName", failureIsDenial: true},
		4670: {operation: audit.OperationUpdate, target: "object", id: "ObjectName", name: "HandleId",
			attribute: "security descriptor", oldValue: "OldSd", newValue: "NewSd"},
		4672: {operation: audit.OperationGrant},
		4673: {operation: audit.OperationExecute, target: "service", id: "Service", failureIsDenial: true},
		4674: {operation: audit.OperationExecute, target: "object", id: "ObjectName", name: "HandleId", failureIsDenial: true},
		4688: {operation: audit.OperationExecute, target: "process", id: "NewProcessId", name: "NewProcessName"},
		4689: {target: "process", id: "ProcessId", name: "ProcessName"},
		4690: {target: "handle", id: "SourceHandleId"},
		4703: {operation: audit.OperationUpdate, target: "account", id: "TargetUserSid", name: "TargetUserName"},
		4719: {operation: audit.OperationUpdate, target: "audit policy", id: "SubcategoryGuid", name: "SubcategoryId"},
		4720: {operation: audit.OperationCreate, target: "account", id: "TargetSid", name: "TargetUserName"},
		4723: {operation: audit.OperationUpdate, target: "account", id: "TargetSid", name: "TargetUserName"},
		4724: {operation: audit.OperationUpdate, target: "account", id: "TargetSid", name: "TargetUserName"},
		4726: {operation: audit.OperationDelete, target: "account", id: "TargetSid", name: "TargetUserName"},
		4728: {operation: audit.OperationGrant, target: "group", id: "TargetSid", name: "TargetUserName"},
		4729: {operation: audit.OperationRevoke, target: "group", id: "TargetSid", name: "TargetUserName"},
		4732: {operation: audit.OperationGrant, target: "group", id: "TargetSid", name: "TargetUserName"},
		4733: {operation: audit.OperationRevoke, target: "group", id: "TargetSid", name: "TargetUserName"},
		4738: {operation: audit.OperationUpdate, target: "account", id: "TargetSid", name: "TargetUserName"},
		4768: {operation: audit.OperationLogin, targetActs: true},
		4771: {operation: audit.OperationLogin, targetActs: true},
		4776: {operation: audit.OperationLogin, targetActs: true},
		4798: {operation: audit.OperationRead, target: "account", id: "TargetSid", name: "TargetUserName"},
		4799: {operation: audit.OperationRead, target: "group", id: "TargetSid", name: "TargetUserName"},
		4912: {operation: audit.OperationUpdate, target: "audit policy", id: "SubcategoryGuid", name: "SubcategoryId"},
		5140: {operation: audit.OperationRead, target: "share", id: "ShareName", failureIsDenial: true},
		5145: {operation: audit.OperationRead, target: "share", id: "ShareName", failureIsDenial: true},
		5152: {target: "address", id: "DestAddress", failureIsDenial: true},
		5156: {target: "address", id: "DestAddress"},
		5157: {target: "address", id: "DestAddress", failureIsDenial: true},
		5379: {operation: audit.OperationRead, target: "credential", id: "TargetName"},
	}
	sysmonEvents = map[int64]windowsEvent{
		1:  {operation: audit.OperationExecute, target: "process", id: "ProcessGuid", name: "Image"},
		2:  {operation: audit.OperationUpdate, target: "file", id: "TargetFilename", attribute: "creation time", oldValue: "PreviousCreationUtcTime", newValue: "CreationUtcTime"},
		3:  {target: "address", id: "DestinationIp"},
		5:  {target: "process", id: "ProcessGuid", name: "Image"},
		7:  {operation: audit.OperationExecute, target: "image", id: "ImageLoaded"},
		8:  {operation: audit.OperationExecute, target: "process", id: "TargetProcessGuid", name: "TargetImage"},
		9:  {operation: audit.OperationRead, target: "device", id: "Device"},
		10: {target: "process", id: "TargetProcessGUID", name: "TargetImage"},
		11: {operation: audit.OperationCreate, target: "file", id: "TargetFilename"},
		12: {target: registryKey, id: "TargetObject"},
		13: {operation: audit.OperationUpdate, target: "registry value", id: "TargetObject", attribute: "data", newValue: "Details"},
		14: {operation: audit.OperationUpdate, target: registryKey, id: "TargetObject", attribute: "name", newValue: "NewName"},
		15: {operation: audit.OperationCreate, target: "file", id: "TargetFilename"},
		17: {operation: audit.OperationCreate, target: "pipe", id: "PipeName"},
		18: {target: "pipe", id: "PipeName"},
		22: {operation: audit.OperationRead, target: "name", id: "QueryName"},
		23: {operation: audit.OperationDelete, target: "file", id: "TargetFilename"},
		26: {operation: audit.OperationDelete, target: "file", id: "TargetFilename"},
	}
	powerShellEvents = map[int64]windowsEvent{
		800:   {operation: audit.OperationExecute},
		4103:  {operation: audit.OperationExecute},
		4104:  {operation: audit.OperationExecute, target: "script block", id: "ScriptBlockId"},
		4105:  {operation: audit.OperationExecute, target: "script block", id: "ScriptBlockId"},
		4106:  {target: "script block", id: "ScriptBlockId"},
		24577: {operation: audit.OperationExecute},
	}
	eventlogEvents = map[int64]windowsEvent{
		104:  {operation: audit.OperationDelete},
		1102: {operation: audit.OperationDelete},
	}
)
