package agent

// coverageTables are the tables of PhoneCall 1.3, in its order.
func coverageTables() []section {
	out := []section{versionTable(), edgeTable(), headerTable(), contextTable(), personTable(), contactTable()}
	out = append(out, directiveTables()...)
	out = append(out, eventTables()...)
	return append(out, valueTables()...)
}

func versionTable() section {
	return section{title: "Versions", rows: []row{
		{"1.0: the interface", "", "Agent.Handle decodeDirective", "TestHandle_Versions"},
		{"1.1: clientSearchTargetList (deleted in 1.2), kept as an unknown member", "", "unmarshalOpen", "TestTypes_RoundTrip"},
		{"1.2: searchScene in the context and in SendCandidates", "", "Template.SearchScene SendCandidates.SearchScene", "TestSendCandidates_SearchScenes"},
		{"1.2: recipient in the context", "", "PhoneCallContext.Recipient", "TestRecipient_TokenResolves"},
		{"1.2: MakeCallSucceeded", "", "MakeCallSucceeded", "TestMakeCall_ToEnd"},
		{"1.3: SAVE_CONTACT, BLOCK, EXACT_ONE", "", "Agent.own", "TestSendCandidates_SaveContact TestSendCandidates_Block TestSendCandidates_ExactOne"},
		{"1.3: Contact.isBlocked", "", "Contact.IsBlocked", "TestSendCandidates_Block phone/TestPhone_BlockNumber"},
		{"1.3: Person.poiId", "", "Person.POIID", "TestSendCandidates_CallFindsContacts phone/TestPhone_CandidatesFromThePhonebook"},
		{"1.3: BlockNumber", "", "Agent.blockNumber Agent.keep", "TestBlockNumber_KeepsARule TestBlockNumber_SlowDiskDelaysNobody phone/TestPhone_BlockNumber phone/TestScreen_RuleOnItsWayToTheDisk"},
	}}
}

func edgeTable() section {
	const all = "TestStep_EveryPair TestDiagram "
	return section{title: "State diagram", rows: []row{
		{"IDLE to OUTGOING on MakeCall", "", "transitions Agent.makeCall", all + "TestMakeCall_ToEnd"},
		{"IDLE to INCOMING on CallArrived", "", "transitions Agent.arrived", all + "TestIncoming_AcceptAndToken"},
		{"OUTGOING to ESTABLISHED on CallEstablished", "", "transitions Agent.observe", all + "TestMakeCall_ToEnd"},
		{"INCOMING to ESTABLISHED on AcceptCall, with CallEstablished", "", "transitions Agent.observe", all + "TestIncoming_AcceptAndToken"},
		{"OUTGOING, INCOMING and ESTABLISHED to IDLE on EndCall, with CallEnded", "", "transitions Agent.observe", all + "TestEndCall_InEachState TestEndCall_RightBehindMakeCall phone/TestPhone_EndCallRightBehindMakeCall"},
		{"OUTGOING, INCOMING and ESTABLISHED to IDLE on CallEnded alone", "", "transitions Agent.observe", all + "TestFocus_HeldWhileItIsNeeded TestAgent_AnyInterleaving"},
	}}
}

func headerTable() section {
	const decoded = "Header decodeDirective"
	return section{title: "Header", schema: "common#$defs/eventHeader", rows: []row{
		{"namespace", "-", "Header.Namespace " + decoded, "TestHandle_RefusesWithTheField TestHandle_Versions"},
		{"name", "-", "Header.Name " + decoded, "TestHandle_RefusesWithTheField TestHandle_RefusalsOfADelivery"},
		{"messageId", "-", "Header.MessageID recent.add", "TestHandle_RepeatedMessageRunsOnce TestRecent_ForgetsAfterTenMinutesAndAThousand TestHandle_RepeatedRefusalIsTheSame"},
		{"dialogRequestId", "-", "Header.DialogRequestID " + decoded, "TestHandle_InOrder TestHandle_Versions"},
		{"referrerDialogRequestId", "-", "Header.ReferrerDialogRequestID Agent.emit", "TestMakeCall_ToEnd TestMakeCall_LocalFailure TestTemplate_KeptUntilReleased"},
		{"version", "-", "Header.Version " + decoded, "TestHandle_Versions TestHandle_RefusesWithTheField"},
	}}
}

func contextTable() section {
	const whoIs, arrived = "Agent.whoIs phone/Phone.whoIs", "TestCallArrived_Caller phone/TestPhone_HistoryRedialAndMissed"
	return section{title: "Context", schema: "common#$defs/phoneCall", rows: []row{
		{"version", "-", "PhoneCallContext.Version Agent.context", "TestHandle_Versions"},
		{"state", "Y", "PhoneCallContext.State step", "TestStep_EveryPair TestMakeCall_ToEnd"},
		{"template", "N", "PhoneCallContext.Template Agent.sendCandidates Agent.ReleaseTemplate", "TestTemplate_KeptUntilReleased control/TestContext_HideAndRelease"},
		{"template.intent", "N", "Template.Intent Agent.sendCandidates", "TestTemplate_KeptUntilReleased"},
		{"template.callType", "N", "Template.CallType Agent.sendCandidates", "TestTemplate_KeptUntilReleased"},
		{"template.recipientIntended", "N", "Template.RecipientIntended Agent.sendCandidates", "TestTemplate_KeptUntilReleased"},
		{"template.recipientIntended.name", "N", "RecipientIntended.Name", "TestTemplate_KeptUntilReleased"},
		{"template.recipientIntended.label", "N", "RecipientIntended.Label", "TestTemplate_KeptUntilReleased"},
		{"template.searchScene", "N", "Template.SearchScene Agent.sendCandidates", "TestSendCandidates_SearchScenes TestTemplate_KeptUntilReleased"},
		{"template.candidates", "N", "Template.Candidates Agent.candidates Agent.HideCandidates", "TestTemplate_KeptUntilReleased control/TestContext_HideAndRelease TestSendCandidates_AtMostSeventy"},
		{"recipient", "N", "PhoneCallContext.Recipient Agent.context", "TestMakeCall_ToEnd TestCallArrived_Caller"},
		{"recipient.name", "N", "Party.Name " + whoIs, "TestMakeCall_ToEnd " + arrived},
		{"recipient.token", "N", "Party.Token Agent.partyToken tokenTable.issue", "TestRecipient_TokenResolves"},
		{"recipient.isMobile", "N", "Party.IsMobile " + whoIs, arrived + " phone/TestPhone_CandidatesFromThePhonebook"},
		{"recipient.isRecentMissed", "N", "Party.IsRecentMissed " + whoIs + " store/Store.IsRecentMissed", arrived},
		{"numberBlockable", "N", "PhoneCallContext.NumberBlockable blocklist/List.Blockable", "TestBlockNumber_KeepsARule phone/TestPhone_NumberBlockable"},
	}}
}

func personTable() section {
	const book, both = "phone/personOf", "TestTypes_FieldsOfThePerson phone/TestPhone_CandidatesFromThePhonebook"
	const past = "TestSendCandidates_History TestTypes_FieldsOfThePerson"
	return section{title: "Person", schema: "common#$defs/person", rows: []row{
		{"name", "Y", "Person.Name checkPerson Agent.spoken", "TestHandle_RefusesWithTheField TestSendCandidates_HistoryOfStrangers " + both},
		{"type", "Y", "Person.Type checkPerson", "TestHandle_RefusesWithTheField TestSendCandidates_MergesGivenCandidates"},
		{"profileImgUrl", "N", "Person.ProfileImgURL " + book, both},
		{"category", "N", "Person.Category " + book, both},
		{"address", "N", "Person.Address " + book, both},
		{"address.road", "N", "Address.Road " + book, both},
		{"address.jibun", "N", "Address.Jibun " + book, both},
		{"businessHours", "N", "Person.BusinessHours " + book, both},
		{"businessHours.open", "N", "BusinessHours.Open " + book, both},
		{"businessHours.close", "N", "BusinessHours.Close " + book, both},
		{"businessHours.info", "N", "BusinessHours.Info " + book, both},
		{"history", "N", "Person.History Agent.remembered phone/history.About", past + " TestSendCandidates_CallFindsContacts"},
		{"history.time", "N", "CallRecord.Time PastCall.record", past + " phone/TestPhone_HistoryRedialAndMissed"},
		{"history.type", "N", "CallRecord.Type PastCall.record phone/historyType", past + " phone/TestPhone_HistoryRedialAndMissed"},
		{"history.callType", "N", "CallRecord.CallType PastCall.record", past},
		{"numInCallHistory", "N", "Person.NumInCallHistory Agent.remembered store/Store.OfNumbers", "TestSendCandidates_CallFindsContacts phone/TestPhone_HistoryRedialAndMissed"},
		{"token", "N", "Person.Token Agent.finished Agent.byToken", "TestMakeCall_WhomItCalls TestSendCandidates_LabelPicksTheNumber TestSendCandidates_MergesGivenCandidates"},
		{"score", "N", "Person.Score Agent.found", "TestSendCandidates_CallFindsContacts TestSendCandidates_MergesGivenCandidates"},
		{"contacts", "N", "Person.Contacts " + book, both},
		{"poiId", "N", "Person.POIID " + book, both},
	}}
}

func contactTable() section {
	return section{title: "Contact", schema: "common#$defs/contact", rows: []row{
		{"label", "N", "Contact.Label phone/personOf Person.contact", "TestSendCandidates_LabelPicksTheNumber TestMakeCall_WhomItCalls phone/TestPhone_CandidatesFromThePhonebook"},
		{"number", "N", "Contact.Number Person.contact Agent.finished", "TestSendCandidates_NumbersAreKeptBack TestMakeCall_WhomItCalls TestSendCandidates_Block"},
		{"isBlocked", "N", "Contact.IsBlocked Agent.remembered phone/rules.Blocked", "TestSendCandidates_Block TestBool_ReadsBooleansAndAnyCase phone/TestPhone_BlockNumber"},
	}}
}

func directiveTables() []section {
	const refused = " TestHandle_RefusesWithTheField TestSchemas_AgreeWithTheDecoder"
	const at = "#properties/payload"
	return []section{
		{title: "Directive SendCandidates", schema: "SendCandidates" + at, rows: []row{
			{"playServiceId", "-", "SendCandidates.PlayServiceID Agent.sendCandidates", "TestTemplate_KeptUntilReleased"},
			{"intent", "Y", "SendCandidates.Intent directive.readSendCandidates", "TestSendCandidates_CallFindsContacts" + refused},
			{"recipientIntended", "N", "SendCandidates.RecipientIntended wanted", "TestTemplate_KeptUntilReleased" + refused},
			{"recipientIntended.name", "N", "RecipientIntended.Name wanted phonebook/Book.Search", "TestSendCandidates_CallFindsContacts phone/TestPhone_CandidatesFromThePhonebook"},
			{"recipientIntended.label", "N", "RecipientIntended.Label wanted phonebook/LabelOf", "TestSendCandidates_LabelPicksTheNumber phone/TestPhone_CandidatesFromThePhonebook"},
			{"callType", "N", "SendCandidates.CallType", "TestTemplate_KeptUntilReleased TestTypes_RoundTrip"},
			{"searchScene", "N", "SendCandidates.SearchScene Agent.candidates", "TestSendCandidates_SearchScenes"},
			{"candidates", "N", "SendCandidates.Candidates given Agent.merge", "TestSendCandidates_MergesGivenCandidates TestSendCandidates_GivenByNameAloneIsTheContact" + refused},
			{"interactionControl", "-", "SendCandidates.InteractionControl", "TestTemplate_KeptUntilReleased"},
		}},
		{title: "Directive MakeCall", schema: "MakeCall" + at, rows: []row{
			{"playServiceId", "-", "MakeCall.PlayServiceID Agent.playServiceID", "TestMakeCall_ToEnd"},
			{"recipient", "Y", "MakeCall.Recipient Agent.resolve", "TestMakeCall_WhomItCalls TestMakeCall_ContactAsItIsNow" + refused},
			{"callType", "Y", "MakeCall.CallType Agent.makeCall", "TestMakeCall_TypesAndNumbers TestAudioRoute_OpensTheLoudspeaker" + refused},
		}},
		{title: "Directive EndCall", schema: "EndCall" + at, rows: []row{
			{"playServiceId", "-", "EndCall.PlayServiceID", "TestEndCall_InEachState TestTypes_RoundTrip"},
		}},
		{title: "Directive AcceptCall", schema: "AcceptCall" + at, rows: []row{
			{"playServiceId", "-", "AcceptCall.PlayServiceID", "TestTypes_RoundTrip"},
			{"speakerPhone", "Y", "AcceptCall.SpeakerPhone Agent.route", "TestAudioRoute_OpensTheLoudspeaker TestIncoming_AcceptAndToken" + refused},
		}},
		{title: "Directive BlockIncomingCall", schema: "BlockIncomingCall" + at, rows: []row{
			{"playServiceId", "-", "BlockIncomingCall.PlayServiceID", "TestBlockIncomingCall_BlocksAndRejects TestBlockIncomingCall_SlowDisk phone/TestPhone_BlockIncomingCallIsBlockedInTheHistory"},
		}},
		{title: "Directive BlockNumber", schema: "BlockNumber" + at, rows: []row{
			{"playServiceId", "-", "BlockNumber.PlayServiceID", "TestBlockNumber_KeepsARule"},
			{"number", "Y", "BlockNumber.Number Agent.checkNumber blocklist/Canonical", "TestBlockNumber_KeepsARule phone/TestPhone_BlockNumber" + refused},
			{"blockType", "Y", "BlockNumber.BlockType directive.readBlockNumber blocklist/List.Add", "TestBlockNumber_KeepsARule phone/TestPhone_NumberBlockable" + refused},
		}},
	}
}

func eventTables() []section {
	const at, caller = "#properties/event/properties/payload", "TestCallArrived_Caller phone/TestPhone_HistoryRedialAndMissed"
	return []section{
		{title: "Event CandidatesListed", schema: "CandidatesListed" + at, rows: []row{
			{"playServiceId", "-", "CandidatesListed.PlayServiceID Agent.sendCandidates", "TestTemplate_KeptUntilReleased"},
			{"interactionControl", "-", "CandidatesListed.InteractionControl Agent.sendCandidates", "TestTemplate_KeptUntilReleased"},
		}},
		{title: "Event CallArrived", schema: "CallArrived" + at, rows: []row{
			{"playServiceId", "-", "CallArrived.PlayServiceID Agent.playServiceID", "TestIncoming_AcceptAndToken"},
			{"caller", "Y", "CallArrived.Caller Agent.undirected", caller},
			{"caller.name", "N", "Party.Name Agent.whoIs phone/Phone.whoIs", caller},
			{"caller.token", "Y", "Party.Token tokenTable.issue", "TestRecipient_TokenResolves TestIncoming_AcceptAndToken"},
			{"caller.isMobile", "Y", "Party.IsMobile phone/Phone.whoIs number/Number.IsMobile", caller},
			{"caller.isRecentMissed", "Y", "Party.IsRecentMissed Party.UnmarshalJSON store/Store.IsRecentMissed", caller + " TestParty_ReadsTheMisspeltSample"},
		}},
		{title: "Event CallEnded", schema: "CallEnded" + at, rows: []row{
			{"playServiceId", "-", "CallEnded.PlayServiceID Agent.playServiceID", "TestEndCall_InEachState TestAgent_AnyInterleaving"},
		}},
		{title: "Event CallEstablished", schema: "CallEstablished" + at, rows: []row{
			{"playServiceId", "-", "CallEstablished.PlayServiceID Agent.playServiceID", "TestMakeCall_ToEnd TestIncoming_AcceptAndToken"},
		}},
		{title: "Event MakeCallFailed", schema: "MakeCallFailed" + at, rows: []row{
			{"playServiceId", "-", "MakeCallFailed.PlayServiceID Agent.playServiceID", "TestMakeCall_LocalFailure"},
			{"errorCode", "Y", "MakeCallFailed.ErrorCode Agent.apply", "TestMakeCall_LocalFailure TestMakeCall_NoInviteLeft TestMakeCall_TypesAndNumbers"},
			{"callType", "Y", "MakeCallFailed.CallType Agent.apply", "TestMakeCall_LocalFailure TestMakeCall_TypesAndNumbers"},
		}},
		{title: "Event MakeCallSucceeded", schema: "MakeCallSucceeded" + at, rows: []row{
			{"playServiceId", "-", "MakeCallSucceeded.PlayServiceID Agent.playServiceID", "TestMakeCall_ToEnd"},
			{"recipient", "Y", "MakeCallSucceeded.Recipient Agent.apply", "TestMakeCall_ToEnd"},
		}},
	}
}

func valueTables() []section {
	const types = " TestTypes_FieldsOfThePerson"
	const unsupported = "TestMakeCall_TypesAndNumbers TestMakeCall_EveryCallType"
	return []section{
		{title: "Values of state", rows: []row{
			{"IDLE", "", "Idle", "TestStep_EveryPair TestMakeCall_ToEnd"},
			{"OUTGOING", "", "Outgoing", "TestStep_EveryPair TestMakeCall_ToEnd"},
			{"INCOMING", "", "Incoming", "TestStep_EveryPair TestIncoming_AcceptAndToken"},
			{"ESTABLISHED", "", "Established", "TestStep_EveryPair TestMakeCall_ToEnd"},
		}},
		{title: "Values of intent", rows: []row{
			{"CALL", "", "IntentCall Agent.found", "TestSendCandidates_CallFindsContacts TestSendCandidates_MergesGivenCandidates"},
			{"SEARCH", "", "IntentSearch Agent.found", "TestSendCandidates_LabelPicksTheNumber TestSendCandidates_GivenByNameAloneIsTheContact"},
			{"HISTORY", "", "IntentHistory Agent.past", "TestSendCandidates_History TestSendCandidates_HistoryOfStrangers phone/TestPhone_AnonymousCaller phone/TestPhone_HistoryRedialAndMissed"},
			{"REDIAL", "", "IntentRedial Agent.past", "TestSendCandidates_Redial phone/TestPhone_RedialOfSomebodyWhoIsNoContact phone/TestPhone_HistoryRedialAndMissed"},
			{"MISSED", "", "IntentMissed Agent.past", "TestSendCandidates_Missed phone/TestPhone_HistoryRedialAndMissed"},
			{"EXACT_ONE", "", "IntentExactOne oneOfEachName", "TestSendCandidates_ExactOne"},
			{"SAVE_CONTACT", "", "IntentSaveContact Agent.strangers Agent.Resolve", "TestSendCandidates_SaveContact"},
			{"BLOCK", "", "IntentBlock Agent.giveNumbers", "TestSendCandidates_Block phone/TestPhone_BlockNumber"},
			{"NONE", "", "IntentNone Agent.asGiven", "TestSendCandidates_None"},
		}},
		{title: "Values of callType", rows: []row{
			{"NORMAL", "", "CallNormal", unsupported},
			{"SPEAKER", "", "CallSpeaker Agent.route", unsupported + " TestAudioRoute_OpensTheLoudspeaker"},
			{"VIDEO", "", "CallVideo CallTypeNotSupported", unsupported},
			{"CALLAR", "", "CallCallar CallTypeNotSupported", unsupported},
		}},
		{title: "Values of searchScene", rows: []row{
			{"DEFAULT", "", "SceneDefault", "TestSendCandidates_SearchScenes"},
			{"T114ONLY", "", "SceneT114Only", "TestSendCandidates_SearchScenes"},
			{"T114INCLUDE", "", "SceneT114Include limited", "TestSendCandidates_SearchScenes TestSendCandidates_AtMostSeventy"},
			{"T114DIRECT", "", "SceneT114Direct", "TestSendCandidates_SearchScenes"},
		}},
		{title: "Values of Person.type", rows: []row{
			{"CONTACT", "", "PersonContact", "TestSendCandidates_CallFindsContacts TestSendCandidates_ExactOne"},
			{"EXCHANGE", "", "PersonExchange", "TestSendCandidates_MergesGivenCandidates"},
			{"T114", "", "PersonT114", "TestSendCandidates_HistoryOfStrangers TestSendCandidates_MergesGivenCandidates TestSendCandidates_SearchScenes"},
			{"NONE", "", "PersonNone", "TestSendCandidates_History"},
		}},
		{title: "Values of history.type", rows: []row{
			{"OUT", "", "HistoryOut phone/historyType", "TestSendCandidates_Redial phone/TestPhone_DirectedCall"},
			{"OUT_CANCELED", "", "HistoryOutCanceled phone/historyType", "TestSendCandidates_CallFindsContacts phone/TestPhone_CandidatesFromThePhonebook"},
			{"IN", "", "HistoryIn phone/historyType", "TestSendCandidates_Block phone/TestPhone_HistoryRedialAndMissed"},
			{"REJECTED", "", "HistoryRejected phone/historyType", "TestSendCandidates_ExactOne phone/TestPhone_RefusedAsBusyIsRejected"},
			{"MISSED", "", "HistoryMissed phone/historyType", "TestSendCandidates_Missed phone/TestPhone_HistoryRedialAndMissed"},
			{"VOICE_MESSAGE", "", "HistoryVoiceMessage", "TestTypes_FieldsOfThePerson"},
			{"BLOCKED", "", "HistoryBlocked phone/historyType", "TestSendCandidates_History phone/TestPhone_BlockNumber"},
		}},
		{title: "Values of history.callType", rows: []row{
			{"NORMAL", "", "CallNormal PastCall.record", "TestSendCandidates_History"},
			{"VIDEO", "", "CallVideo", "TestTypes_ValuesOfTheHistory"},
			{"CALLAR", "", "CallCallar", "TestTypes_ValuesOfTheHistory"},
			{"GROUP", "", "CallGroup", "TestTypes_ValuesOfTheHistory" + types},
			{"VOICE_MESSAGE", "", "CallVoiceMessage", "TestTypes_ValuesOfTheHistory"},
		}},
		{title: "Values of Contact.label", rows: []row{
			{"MOBILE", "", "LabelMobile phonebook/Mobile", "TestSendCandidates_CallFindsContacts"},
			{"COMPANY", "", "LabelCompany phonebook/Company", "TestSendCandidates_LabelPicksTheNumber phone/TestPhone_CandidatesFromThePhonebook"},
			{"HOME", "", "LabelHome phonebook/Home", "TestSendCandidates_LabelPicksTheNumber phone/TestPhone_CandidatesFromThePhonebook"},
			{"USER_DEFINED", "", "LabelUserDefined phonebook/UserDefined", "phone/TestPhone_UsersOwnLabel"},
		}},
		{title: "Values of blockType", rows: []row{
			{"EXACT", "", "BlockExact blocklist/Exact", "TestBlockNumber_KeepsARule phone/TestPhone_BlockNumber"},
			{"PREFIX", "", "BlockPrefix blocklist/Prefix", "TestBlockNumber_KeepsARule phone/TestPhone_NumberBlockable phone/TestPhone_BlockedBeforeRinging"},
			{"POSTFIX", "", "BlockPostfix blocklist/Postfix", "TestBlockNumber_KeepsARule phone/TestPhone_NumberBlockable"},
		}},
		{title: "Values of errorCode", rows: []row{
			{"NO_SYSTEM_PERMISSION", "", "NoSystemPermission", "TestMakeCall_LocalFailure TestMakeCall_NoInviteLeft"},
			{"CALL_TYPE_NOT_SUPPORTED", "", "CallTypeNotSupported", "TestMakeCall_TypesAndNumbers"},
		}},
	}
}
