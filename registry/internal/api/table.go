package api

import "net/http"

// route is one row of the table.
type route struct {
	method, pattern string
	access          Access
	contexts        bool // also served under /contexts/{context}
	body            bool // takes a body
	handle          func(*call) (any, error)
}

// table lists all routes.
func table() []route {
	const get, post, put, remove = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	const here, everywhere = false, true
	return []route{
		{get, "/", Describe, here, false, root},
		{post, "/", Describe, here, true, root},
		{get, "/healthz", Open, here, false, healthz},
		{get, "/readyz", Open, here, false, readyz},
		{get, "/v1/metadata/id", Describe, here, false, serverID},
		{get, "/v1/metadata/version", Describe, here, false, serverVersion},
		{get, "/v1/metadata/deployment", Describe, here, false, serverDeployment},

		{get, "/export", Everything, here, false, exportAll},
		{post, "/import", Everything, here, false, importAll},

		{get, "/contexts", Describe, everywhere, false, listContexts},
		{remove, "/contexts/{context}", Delete, here, false, deleteContext},

		{get, "/schemas", Read, everywhere, false, listSchemas},
		{get, "/schemas/types", Describe, everywhere, false, listTypes},
		{get, "/schemas/ids/{id}", Read, everywhere, false, schemaByID},
		{get, "/schemas/ids/{id}/schema", Read, everywhere, false, schemaTextByID},
		{get, "/schemas/ids/{id}/subjects", Read, everywhere, false, subjectsOfID},
		{get, "/schemas/ids/{id}/versions", Read, everywhere, false, versionsOfID},
		{get, "/schemas/guids/{guid}", Read, everywhere, false, schemaByGUID},
		{get, "/schemas/guids/{guid}/ids", Read, everywhere, false, idsOfGUID},

		{get, "/subjects", Read, everywhere, false, listSubjects},
		{post, "/subjects/{subject}", Read, everywhere, true, lookUp},
		{remove, "/subjects/{subject}", Delete, everywhere, false, deleteSubject},
		{get, "/subjects/{subject}/metadata", Read, everywhere, false, latestWithMetadata},
		{get, "/subjects/{subject}/versions", Read, everywhere, false, listVersions},
		{post, "/subjects/{subject}/versions", Write, everywhere, true, register},
		{get, "/subjects/{subject}/versions/{version}", Read, everywhere, false, getVersion},
		{remove, "/subjects/{subject}/versions/{version}", Delete, everywhere, false, deleteVersion},
		{get, "/subjects/{subject}/versions/{version}/schema", Read, everywhere, false, versionText},
		{post, "/subjects/{subject}/versions/{version}/tags", Write, everywhere, true, modifyTags},
		{get, "/subjects/{subject}/versions/{version}/referencedby", Read, everywhere, false, referencedBy},

		{post, "/subjects/{subject}/versions/{version}/undelete", Delete, everywhere, false, undelete},
		{get, "/subjects/{subject}/diff", Read, everywhere, false, compareVersions},
		{get, "/search", Read, everywhere, false, search},

		{post, "/compatibility/subjects/{subject}/versions", Read, everywhere, true, checkAll},
		{post, "/compatibility/subjects/{subject}/versions/{version}", Read, everywhere, true, checkOne},

		{get, "/config", Read, everywhere, false, getConfig},
		{put, "/config", Configure, everywhere, true, putConfig},
		{remove, "/config", Configure, everywhere, false, deleteConfig},
		{get, "/config/{subject}", Read, everywhere, false, getConfig},
		{put, "/config/{subject}", Configure, everywhere, true, putConfig},
		{remove, "/config/{subject}", Configure, everywhere, false, deleteConfig},

		{get, "/mode", Read, everywhere, false, getMode},
		{put, "/mode", Configure, everywhere, true, putMode},
		{remove, "/mode", Configure, everywhere, false, deleteMode},
		{get, "/mode/{subject}", Read, everywhere, false, getMode},
		{put, "/mode/{subject}", Configure, everywhere, true, putMode},
		{remove, "/mode/{subject}", Configure, everywhere, false, deleteMode},
	}
}
