-- Health of every kind of evengate.dev. It says what kstatus says, from the same fields: metadata.deletionTimestamp,
-- status.observedGeneration, and the conditions Stalled, Reconciling and Ready.
local function health(status, message)
  return { status = status, message = message }
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "It is being deleted")
end
-- The API server gives every new object the observedGeneration -1.
if obj.status == nil or obj.status.conditions == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The operator has not reported on this generation yet")
end

local found = {}
for _, condition in ipairs(obj.status.conditions) do
  found[condition.type] = condition
end
local function told(condition)
  return condition.reason .. ": " .. condition.message
end

if found.Stalled ~= nil and found.Stalled.status == "True" then
  return health("Degraded", told(found.Stalled))
end
if found.Reconciling ~= nil and found.Reconciling.status == "True" then
  return health("Progressing", told(found.Reconciling))
end
if found.Ready == nil then
  return health("Progressing", "It has no condition Ready yet")
end
if found.Ready.status == "True" then
  return health("Healthy", found.Ready.message)
end
-- Something that it names is missing, and may still come.
return health("Progressing", told(found.Ready))
