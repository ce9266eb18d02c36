-- What the hour allows: "office" or "night". A CronJob edits this key of the ConfigMap; see README.md.
return "office"
