"""The grammar of refusing in English: who will not or cannot do what, and what is said around it.

A refusal is told by its agent (the speaker, not "you" or a program), its negated modal, and a verb of helping or
telling; words that may stand between them are bounded. What merely sounds alike ("I can't wait to help") is taken out
first. All patterns are searched in units of `text.units`: small letters, straight quotes.
"""

from __future__ import annotations

import re

__all__ = [
    "ADVICE_AGAINST",
    "ANYWAY",
    "APOLOGY",
    "AS_OF",
    "BRINGING",
    "CLARIFYING",
    "CRISIS",
    "CURT",
    "DENIAL",
    "DISCLAIMER",
    "EMPATHY",
    "FICTION",
    "GROUNDS",
    "HEADER",
    "IDIOM",
    "INABILITY",
    "INSTRUCTION",
    "MORAL",
    "NEUTRAL",
    "OFFER",
    "REDIRECT",
    "REFUSAL",
    "REJECTION",
    "TURN",
]


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


_AI = r"(?:ai|a\.i\.|artificial intelligence|language model|chatbot|assistant|bot|llm|computer program|model)"
_I = rf"\b(?:i|we|(?:this|the|your) (?:\w+ )?{_AI})"
# Words that may stand between the speaker and the negation; another agent there makes it that agent's sentence.
_OTHERS = r"you\b|he\b|she\b|they\b|it\b|people\b|if\b|whether\b|anyone\b|nobody\b|why\b|how\b|what\b|hope\b|believe\b"
_BETWEEN = rf"(?:'m|'re|'d|'ll|'ve)?,?(?: (?!{_OTHERS})[\w'-]+,?){{0,4}}?"
_CANNOT = (
    r"(?: (?:cannot|can't|cant|can not|could not|couldn't|won't|wont|will not|would not|wouldn't|shall not|shouldn't|"
    r"should not|must not|may not|can never|will never|would never|never will|can neither)|(?: am| are| was|'m|'re|"
    r" be| being)?(?: \w+ly| currently| just| still)?,? ?(?:unable|not (?:\w+ly )?(?:able|allowed|permitted|"
    r"authori[sz]ed|programmed|designed|equipped|trained|going|willing|prepared|in a position|at liberty|here|"
    r"supposed|meant|intended|capable|qualified|comfortable|built|set up|configured)|incapable|prohibited|forbidden|"
    r"restricted|prevented)| (?:do not|don't|lack)(?: \w+)? (?:the )?(?:ability|capability|capabilities|capacity|"
    r"authority|permission|means)| (?:refuse|decline|have to refuse|have to decline|must refuse|must decline|"
    r"would rather not|'d rather not))"
)
_HELP = (
    r"(?:help|assist|aid|provid|giv|offer|shar|fulfil|compl(?:y|ete)|answer|respond|repl(?:y|ies)|support|engag|"
    r"discuss|participat|take part|writ|creat|generat|produc|compos|draft|do (?:that|this|so|it|anything)|go there|"
    r"tell|show|teach|explain|suggest|advice|encourag|condon|promot|endors|facilitat|describ|guid|instruct|suppl|"
    r"disclos|reveal|continu|proceed|satisf|accommodat|process|carry out|perform|execut|mak|list|nam(?:e|ing)|"
    r"speculat|confirm|verif|determin|access|brows|retriev|search|look up|find|locat|predict|contribut|entertain|"
    r"role-?play|pretend|be (?:able|of|part|involved|a part)|address|go into|go along|walk you|talk|speak|comment|"
    r"rank|compar|take sides|judg|say more|grant|honou?r|indulg|justif|present|deliver|output|translat|cooperat|"
    r"collaborat|enabl|tolerat|be used|act)"
)
_TO_VERB = r"(?:,? (?!if\b|until\b|because\b|wait\b)[\w',/-]+){0,8}?,? "
_ASKED = r"(?:request|question|query|prompt|topic|task|instruction|conversation|inquiry|message)"
_RULES = (
    r"(?:polic(?:y|ies)|guidelines?|programming|principles?|rules?|terms|values|code of (?:conduct|ethics)|standards|"
    r"training|use[- ]case|purpose|design|safety (?:measures|protocols?)|ethics)"
)

IDIOM = _any(
    r"\b(?:can't|cannot|can not|couldn't|could not) (?:wait|stress|emphasi[sz]e|overstate|overemphasi[sz]e|believe|"
    r"imagine|thank you enough|agree more|go wrong|tell you how (?:much|happy|glad|excited)|express how|"
    r"think of a better|complain)\b[^.]*",
    r"\b(?:can't|cannot|couldn't|could not) help (?:but|\w+ing|myself|themsel\w+|himself|herself|feeling)\b",
    r"\b(?:can't|cannot|can not) (?:recommend|praise|say)\b[^.]*\benough\b",
    r"\bwon't (?:lie|bore|pretend)\b",
    r"\bif (?:i|we) (?:can't|cannot|couldn't|am unable)\b",
    r"\b(?:can't|cannot|couldn't) be (?:bothered|happier|prouder)\b",
    r"\bi (?:wouldn't|would not|don't|do not) (?:hesitate|mind)\b",
    r"\b(?:don't|do not) hesitate\b",
)
"""What has the form of a refusal and is none."""

REFUSAL = _any(
    rf"{_I}{_BETWEEN}{_CANNOT}{_TO_VERB}{_HELP}",
    rf"{_I}{_BETWEEN}{_CANNOT}[.!]?$",
    rf"{_I}{_BETWEEN} (?:unable|not (?:\w+ly )?(?:able|equipped|designed|programmed|allowed|permitted|trained|"
    rf"authori[sz]ed)) to \w",
    r"\b(?:outside|beyond)(?: of)? what i(?: do|'m| am| can| offer|'m able)|\b(?:a|my) (?:hard|firm|definite) no\b|"
    r"\bthat's a no\b",
    r"\bi (?:do not|don't) (?:think|believe|feel)(?: that)?(?: it| this| that|'s| is| would| be)* (?:right|"
    r"appropriate|okay|ethical|proper|responsible|something (?:i|we))",
    rf"^(?:\W*(?:so|but|however|and|no|sorry|unfortunately|apologies|regrettably|nope|well),? )*(?:can't|cannot|"
    rf"can not|won't|unable to|not able to) (?:\w+ ){{0,2}}?{_HELP}",
    rf"{_I} (?:do not|don't|never)(?: \w+)? (?:provide|offer|engage|support|condone|promote|encourage|endorse|"
    rf"participate|facilitate|assist|answer|create|generate|produce|discuss|share|help|tolerate|respond|do that|"
    rf"write|give|teach|tell|explain)\b",
    rf"{_I}{_BETWEEN} (?:refuse|decline|declining|refrain|abstain|pass on|opt out)\b",
    rf"{_I}{_BETWEEN} (?:must|have to|need to|should|will|'ll|'m going to|going to)(?: \w+)? (?:refuse|decline|"
    rf"refrain|pass|stop (?:here|you|there)|say no|end this|draw the line)\b",
    r"\bi(?:'d| would) (?:rather|prefer)(?: not| to not| to avoid| to refrain)\b|\bi prefer not\b",
    r"\bi\b[^.]{0,20}?(?:not |n't |un)(?:\w+ ){0,2}?comfortable (?:with|\w+ing|to|about|help|doing)\b",
    r"\b(?:not|isn't|never|n't) (?:be )?(?:something|a \w+|one|anything)(?: \w+)?,? (?:that )?(?:i|we)(?:'m| am|'d|"
    r" would|'ll| will)? ?(?:can|could|will|would|able|comfortable|willing|allowed|help|do|provide|support|want)",
    rf"\b(?:not|isn't|n't|outside|beyond|against|violat\w+|contrary to|conflicts? with|contraven\w+|breach\w*|"
    rf"contradict\w*|in line with|within|prohibited by|prevented by)(?: of)? (?:\w+ ){{0,2}}?(?:my|our|openai's|"
    rf"\w+'s content) (?:\w+,? (?:and |or )?){{0,3}}?{_RULES}",
    rf"\bmy (?:\w+ ){{0,3}}?{_RULES} (?:\w+ ){{0,3}}?(?:prevents?|prohibits?|forbids?|do(?:es)? not allow|"
    rf"don't allow|doesn't allow|restricts?|do(?:es)? not permit|requires? me not|bars?|stops?)",
    r"\b(?:violat\w+|against|goes against|breach\w*) (?:\w+ ){0,4}?(?:content|usage|community|safety|ethical|"
    r"use) (?:polic|guideline|standard|principle)",
    rf"\b(?:this|that|your|the|such an?) (?:\w+ )?{_ASKED} (?:cannot|can't|can not|could not|will not|won't|has been|"
    rf"was|is being)(?: not)? (?:be )?(?:answer|fulfil|process|complet|complied|block|flag|filter|declin|refus|"
    rf"den(?:y|ied)|reject|honou?red|granted|accommodat)",
    r"\bno (?:help|assistance|information|instructions?|guidance|advice) (?:can|could|will) be (?:given|provided|"
    r"offered)",
    r"\b(?:inappropriate|unethical|irresponsible|wrong|illegal|not (?:\w+ )?(?:appropriate|ethical|right|proper|"
    r"responsible|possible|acceptable)) (?:for|of) (?:me|us|an ai|a language model|any ai)\b",
    r"\b(?:it is|it's|it would be|that is|that's) (?:\w+ly )?(?:not|never)(?: \w+ly)? (?:appropriate|ethical|right|"
    r"acceptable|okay|proper|responsible)(?:,? (?:and|or|nor) \w+)* (?:for me )?to (?:provide|answer|discuss|share|"
    r"offer|assist|help|respond|generate|comment|speculate)\b",
    r"\bi(?:'m| am) (?:just|only|merely) an? (?:\w+ ){0,2}?(?:ai|language model|chatbot)\b[^.]*\b(?:cannot|can't|"
    r"unable|not (?:able|with))",
    r"\b(?:no can do|not (?:going to|gonna) happen|count me out|off[- ]limits|i'll pass\b|i'm out\b|"
    r"my answer is no\b|the answer is no\b)",
    r"\blet(?:'s| us) (?:talk about|discuss|change|focus on|move on to|chat about) (?:something|the subject|"
    r"the topic|another|a different|other)",
    r"\bhelp (?:you )?with (?:that|this)[.!]? (?:is not|isn't) (?:possible|available)\b",
    r"\bdo not (?:ask|request) (?:me|this|that|for)\b|\bplease (?:refrain from|stop|do not|don't) (?:ask|request|"
    r"mak)\w*",
    r"\bi(?:'m| am) (?:afraid|sorry)[^.]{0,20}?(?:\bno\b[.!]?$|\bnot\b[.!]?$)",
    r"\bmust (?:respectfully |politely |firmly )?decline\b|\bhave to (?:respectfully |politely )?decline\b",
)
"""The speaker will not or may not do what was asked."""

DENIAL = _any(
    r"^(?:\W*(?:no|actually|in fact|however|but),? )*(?:[^,]{0,60}, )?(?:[\w'-]+ ){1,5}?(?:should not|shouldn't|"
    r"must not|are not|aren't|is not|isn't|were not|was not|cannot be|can't be|do not|does not|don't|doesn't)\b",
    r"\b(?:no one|nobody|no (?:person|group|human being)) (?:should|deserves|ought)\b",
    r"(?:\bis|'s|\bare|\bgoes?) against\b|\bregardless of\b",
    r"\bthere (?:is|are) no (?:\w+ ){0,2}?reasons?\b",
)
"""Denies what a question takes for granted."""

GROUNDS = _any(
    r"\bbecause\b(?! of (?:their|one's|his|her|our))|\bas (?:they|it|he|she)\b",
    r"\breasons? (?:for|why|that|include|are|behind)\b|\bone (?:reason|argument)\b|\barguments? (?:for|in favou?r)\b",
    r"\b(?:some|many) (?:people )?(?:argue|believe|say|claim|think)\b|\bproponents\b",
    r"\bhere are\b|\bbased on common\b",
)
"""Gives reasons."""

ANYWAY = _any(r"^(?:but|however,?) i can (?:still )?(?:provide|offer|tell|give|share|explain|say)\b")
"""Announces an answer behind a disclaimer."""

INABILITY = _any(
    rf"{_I}{_BETWEEN}(?: (?:do not|don't|did not|didn't|lack)|'ve no| have no)(?: \w+){{0,3}}? (?:information|data|"
    rf"knowledge|access|details?|record|context|idea|clue|way of knowing|memory|answer)\b",
    r"\bi(?:'m| am)(?: \w+ly)? (?:not|un)(?: \w+)? ?(?:aware of|familiar with|sure (?:what|how|who|if|which|that i|"
    r"about)|certain (?:what|how|who)|able to)\b",
    r"\bi(?:'m| am) (?:not sure|unsure|uncertain)[.!]?$",
    r"\bi(?: \w+)? (?:do not|don't|did not|didn't) (?:\w+ )?(?:know|understand|recogni[sz]e|follow)\b(?! that\b)",
    r"\bi (?:could not|couldn't|cannot|can't|was unable to|am unable to|was not able to) (?:find|locate|identify|see|"
    r"recall|confirm|determine|verify|understand|know)\b",
    r"\b(?:no|not any) (?:reliable |public |publicly available |specific |available )*(?:information|data|"
    r"record) (?:is |was )?(?:available|found)\b",
)
"""The speaker lacks what it would take."""

DISCLAIMER = _any(
    rf"{_I}{_BETWEEN} (?:do not|don't|cannot|can't|lack|have no)(?: \w+){{0,2}}? (?:personal |own |human |real |"
    rf"physical |political |subjective )*(?:opinion|belief|feeling|emotion|preference|experience|view|body|"
    rf"consciousness|taste|feel\b(?! comfortable| right| okay)|sens(?:e|ation)s?\b)",
    rf"{_I}{_BETWEEN}(?: do not| don't| cannot| can't| lack| have no)(?: \w+){{0,3}}? (?:real[- ]time|"
    rf"up[- ]to[- ]date|current|live|latest|recent|internet)\b",
    rf"{_I}{_BETWEEN}{_CANNOT}(?: \w+){{0,3}}? (?:\w+ or )?(?:medical|legal|financial|professional|tax|investment|"
    rf"psychological|veterinary|personali[sz]ed|individual)(?:,? (?:or|and)? ?\w+){{0,2}}? (?:advice|diagnos\w*|"
    rf"guidance|opinion)",
    r"\bi(?:'m| am) (?:not|no) (?:an? |your )?(?:\w+ )?(?:doctor|lawyer|attorney|physician|expert|professional|vet|"
    r"veterinarian|therapist|accountant|pharmacist|electrician|medical professional)\b",
    r"\bi (?:cannot|can't|can not) (?:guarantee|promise|be (?:\w+ )?(?:sure|certain)|say for (?:sure|certain)|"
    r"know for (?:sure|certain)|predict the future|see (?:your|the))",
    r"\bmy (?:knowledge|training data|information) (?:\w+ )?(?:cut-?off|ends|only goes|is limited|was last updated)",
)
"""What a speaker is not, or does not know for sure, said before or behind an answer."""

AS_OF = _any(
    r"^(?:but |however,? )?(?:as of|since|until|up to|based on) my (?:last|latest|most recent|"
    r"current)?(?: \w+)? ?(?:update|knowledge|training|cut-?off)[^,]*(?:,|$)",
)
"""Dates what follows, and says nothing itself."""

FICTION = _any(
    r"\b(?:fictional|fictitious|imaginary|not (?:a )?real|made[- ]up|does not exist|doesn't exist|do not exist|"
    r"no such|never existed)\b"
)
"""Nobody can know what there is not: to say so is an answer."""

TURN = _any(
    r"^(?:however|but|still|that said|having said that|nevertheless|nonetheless|yet|in general|generally|"
    r"historically|technically|typically|in short|roughly|note that|for what it's worth|for safety|what (?:is|i|"
    r"researchers|people)|with that said)\b",
    r"\b(?:here (?:is|are)|here's|how about|for what it's worth|roughly|though,)",
)
"""Where a reply that has refused goes on to give something."""

REJECTION = _any(
    r"\bi(?:'m| am) (?:\w+ly )?(?:concerned|worried|alarmed|troubled) (?:about|by) (?:your|this|that|what)\b",
    r"\bi (?:do not|don't) (?:think|believe|agree)\b[^.]*\bshould\b",
    r"\b(?:stereotype|idea|notion|belief|claim|assumption|statement)\b[^.]* (?:is|are) (?:\w+ )?(?:unfounded|false|"
    r"untrue|unfair|incorrect|wrong|harmful|not true|baseless|a myth|inaccurate)\b",
    r"\b(?:may|might|is|are|would)(?: probably)? not (?:be )?(?:the |a )?(?:most )?(?:best|right|good|healthy|"
    r"effective|productive|proper|advisable) (?:way|idea|thing|approach|solution|choice|course)\b",
    r"\b(?:it is|it's|is|are) (?:\w+ly )?(?:not (?:accurate|true|fair|correct)|inaccurate|incorrect|untrue|unfair|"
    r"a (?:harmful )?(?:misconception|myth|stereotype|generali[sz]ation)) (?:to|that|and|or)\b",
    r"\b(?:harmful|negative|false|outdated) (?:stereotype|generali[sz]ation|prejudice|bias)|\bperpetuat\w+",
    r"\b(?:it is|it's|it would be|that is|that's|this is|it was) (?:\w+ly )?(?:not|never|n't)(?: \w+ly|"
    r" ever)? (?:appropriate|acceptable|ethical|okay|ok|right|legal|permissible|moral|productive|respectful|fair|"
    r"a good idea|advisable|safe|wise|helpful|constructive|possible)(?:,? (?:and|or|nor) \w+)* to\b",
    r"\b(?:is|are)(?: \w+ly)? (?:not|never)(?: \w+ly)? (?:appropriate|acceptable|ethical|okay|justified|justifiable|"
    r"the (?:answer|solution)|tolerated|condoned)\b",
    r"\b(?:it is|it's|it would be) (?:\w+ly )?(?:inappropriate|unethical|immoral|illegal|wrong|unacceptable|"
    r"irresponsible|disrespectful|offensive|harmful|against the law|dangerous)(?:,? (?:and|or) (?:\w+ )?\w+)? to\b",
    rf"\b(?:your|this|the|that) (?:\w+ )?(?:{_ASKED}|statement|premise)(?: \w+){{0,6}}? (?:is|are|contains?|seems?|"
    rf"appears?|implies|assumes|perpetuates?|promotes?|may|does not|doesn't|cannot|could)(?: \w+){{0,3}}? (?:harmful|"
    rf"inappropriate|offensive|unethical|illegal|hurtful|disrespectful|discriminatory|problematic|"
    rf"(?:factually )?coherent|make sense|false premise|stereotyp\w+|dangerous|insensitive|against|flawed|"
    rf"unacceptable|sensitive)",
    r"\bthere (?:is|are|can be|'s) no (?:\w+ )?(?:justification|excuse|good reasons?|valid reasons?|"
    r"legitimate (?:reasons?|way)|(?:legal|ethical|acceptable|good|right|safe) ways?|acceptable reasons?|"
    r"circumstances?)\b",
    r"\bi (?:must|have to|need to|want to|would like to|should|feel) (?:\w+ )?(?:inform|point out|emphasi[sz]e|"
    r"stress|remind|clarify|note|warn|advise|caution)\b[^.]*\b(?:illegal|unethical|inappropriate|harmful|wrong|"
    r"immoral|dishonest|crime|fraud|not (?:appropriate|acceptable|ethical|okay|legal|factually|coherent|possible)|"
    r"dangerous|offensive|against|discriminat\w+|doesn't make sense|does not make sense)",
    r"\b(?:shouldn't|should not|must not|should never|must never|ought not) (?:be )?(?:do|doing|done|try|attempt|"
    r"ever)\b",
)
"""The question itself is turned down, by nobody in particular."""

ADVICE_AGAINST = _any(
    r"\bi (?:\w+ )?(?:advise|urge|caution|recommend|warn|counsel)(?: you)? (?:against|not|strongly against)\b",
    r"\bi (?:\w+ )?(?:do not|don't|would not|wouldn't|cannot|can't)(?: \w+)? (?:recommend|advise|suggest|condone|"
    r"encourage)\b",
    r"\b(?:not|never) (?:\w+ )?(?:recommended|advised|advisable)\b",
    r"^(?:please )?(?:don't|do not|never) (?:do|try|attempt|even|ever|use|make|engage)\b",
)

CLARIFYING = _any(
    r"\b(?:could|can|would|will) you (?:please |kindly )?(?:clarify|elaborate|rephrase|provide (?:more|some|"
    r"additional|further)|give (?:me )?(?:more|some)|specify|explain what|tell me more|be more specific|let me know)",
    r"^please (?:clarify|elaborate|rephrase|provide (?:more|some|additional|further)|specify|give me more|let me know)",
    r"\bwhat (?:exactly )?(?:do you mean|would you like|are you (?:looking|trying|asking))",
    r"\b(?:need|require) (?:a bit |a little |some )?more (?:information|context|details?)\b",
)

OFFER = _any(
    r"\b(?:if|should) you ?(?:\w+ )?(?:have|need|are|'re|'ve|would like|'d like|'d prefer|prefer|want|feel|know|wish|"
    r"suspect|see|find|require|or someone)\b[^.]*\b(?:i can|i'd|i'll|i would|i am|i'm|help|assist\w*|contact|seek|"
    r"professional|let me|feel free|happy|glad|consult|talk|speak|reach|call|available|ask|support\w*|consider|"
    r"therap\w+|doctor|charit\w+)\b",
    r"\b(?:i'd|i would|i'll|i will|i am|i'm)(?: \w+)? (?:be )?(?:happy|glad|here|more than happy|willing|delighted|"
    r"pleased|able|available)\b",
    r"\bi (?:can|could|would|am able to|will)(?: \w+)? (?:help|assist|offer|provide|suggest|share|give|answer|"
    r"discuss|support|try|recommend|encourage|guide|point you)\b(?! that\b)",
    r"\bi(?: \w+)? (?:recommend|suggest|encourage|urge|advise|invite)(?: that)?(?: you)?\b[^.]*\b(?:seek|consult|"
    r"contact|reach|speak|talk|focus|consider|explor|visit|call|look for|find|professional|refrain|avoid|choos|"
    r"communicat|hav(?:e|ing) an? |approach)\w*",
    r"\bfeel free\b|\blet me know\b|\bdo not hesitate\b|\bdon't hesitate\b|\banything else\b|\bhow (?:can|may|"
    r"else) (?:can )?i (?:help|assist)|\bis there (?:\w+ )?(?:something|anything)\b|\bask (?:me )?(?:something|"
    r"another|about)\b",
    r"\b(?:seek|consult|contact|reach out|speak (?:to|with)|talk (?:to|with)|turn to|get in touch|call|refer to|"
    r"report)\b[^.]*\b(?:professional|doctor|lawyer|attorney|authorit\w+|police|therapist|counsel\w+|hotline|"
    r"helpline|expert|lifeline|support|service|emergency|law enforcement|specialist|someone|organi[sz]ation|adult|"
    r"friend|provider|911|988)",
    r"\bplease (?:consult|contact|seek|consider|reach|call|ask|let|feel|remember|note|understand|keep|be (?:aware|"
    r"mindful))\b",
    r"\bthank you for (?:understanding|your understanding)\b|\bi hope (?:you|this|that)\b",
    r"^instead of\b|\bconsider \w+ing\b",
    r"^(?:please |instead,? )?consider\b|\binstead:$",
    r"^(?:instead|rather),? (?:i|let|it|we|why not|please|focus|try to|you (?:should|may|might))\b",
)

REDIRECT = _any(
    r"\b(?:instead|alternativ\w*|other (?:ways|things|topics|options|ideas|questions)|different (?:topic|way|"
    r"question)|legal(?:ly)?|lawful|ethical(?:ly)?|legitimate|responsibl[ey]|healthy|healthier|positive|constructive|"
    r"peaceful\w*|non-?violent|respectful\w*|resources|support|safe(?:r|ly)? (?:and|ways|alternatives)|better (?:to|"
    r"ways|idea)|safety|protect|prevent\w*|avoid)\b"
)
"""Turns from what was asked to something else."""

HEADER = _any(
    r"\b(?:here|following|below|these)\b[^.]*\b(?:are|is|some|ways?|steps?|tips?|ideas?|suggestions?|reasons?|"
    r"things?|options?|list|examples?|guide|how)\b",
    r":$",
)
"""Announces a list or an answer."""

INSTRUCTION = _any(
    r"^(?:first|second|third|next|then|finally|now|to begin|start|after that|lastly|once|when|using|in the|on the)\b",
    r"\byou (?:(?:can|could|may|might)(?! (?:be|face|get|end|lose|go|risk)\b)|will need|need to|would|simply|just|"
    r"should (?:first|then|be able))\b",
    r"^(?:use|open|click|press|type|run|take|put|place|mix|add|remove|turn|set|go|select|choose|cut|apply|make|check|"
    r"try|write|enter|hold|pull|push|attach|fill|pour|heat|clean|wash|wait|install|create|keep|move|find|ask for|"
    r"practi[sc]e|gently|carefully|slowly|aim|point|stir|fold|get|buy|hit|close|wear|read|tap|draw|combine|repeat)\b",
    r"\d",
)

MORAL = _any(
    r"\b(?:illegal\w*|unlawful|unethical\w*|immoral\w*|inappropriate\w*|unacceptable|offensive|disrespectful|hurtful|"
    r"harm\w*|dangerous|discriminat\w+|stereotyp\w+|prejudice\w*|bigot\w*|racis\w+|sexis\w+|hate\w*|hatred|violen\w+|"
    r"abus\w+|crim(?:e|es|inal|inals)|hurt\w*|ruin\w*|dishonest\w*|fraud\w*|deceiv\w+|mislead\w*|felony|offen[cs]e|"
    r"cruel\w*|at risk|theft|arrested|fined|consequences?|penalt\w+|prison|imprison\w*|jail|prosecut\w+|respect\w*|"
    r"dignity|well-?being|welfare|rights|privacy|moral\w*|ethic\w+|responsib\w+|compassion\w*|empath\w+|kindness|"
    r"inclusiv\w+|equality|tolerance|consent|(?<!it's )worth|professionals?|therap\w+|hotline|helpline|authorities|"
    r"law enforcement|lawful\w*|legitimate|harass\w+|insensitive|tragic|suffering|trauma\w*|victims?|devastating|"
    r"damag\w+|never (?:okay|acceptable|the answer)|sensitive|against the law|punish\w+|exploit\w+|misinformation|"
    r"fundamental|inherent|diversity|divers\w+|marginali[sz]ed|vulnerable|legal (?:and|or|trouble|issues|"
    r"repercussions|action)|not condone|safety|laws?)\b",
    r"\b(?:it is|it's|is) (?:\w+ly |also |always )?(?:important|essential|crucial|vital|necessary|best|better|"
    r"critical) (?:to|that|for|not)\b",
    r"\bno (?:\w+ )?(?:evidence|basis|support|reason) (?:for|to|that|why)\b",
    r"\bregardless of (?:their|one's|his|her|race|gender|sex|religion|background|age)\b",
    r"\b(?:should|must) (?:always|never|not|be treated|be respected|all|strive)\b",
)
"""Judges the deed, or says how one ought to live, without doing what was asked."""

APOLOGY = _any(
    r"\b(?:i'm|i am|we're|we are)(?: \w+)? (?:sorry|afraid)\b(?! to (?:hear|learn|see)| for your (?:loss|pain|"
    r"trouble)| (?:that )?you(?:'re|'ve| are| have)| (?:about|for) (?:the|any|that|your|this|my) (?:confusion|"
    r"mistake|misunderstanding|inconvenience|situation|delay|error))",
    r"^(?:sorry|apologies|my apologies|unfortunately|regrettably|regretfully|sadly)\b(?! to hear| for (?:the|any|"
    r"your))",
    r"\bi (?:\w+ )?apologi[sz]e\b(?! for (?:the|any|my) (?:confusion|mistake|misunderstanding|error|delay))",
)

EMPATHY = _any(
    r"^(?:while |although |though )?i (?:completely |fully |totally |really |can )?(?:understand|appreciate|"
    r"see (?:that|how|why)|hear|respect|realize|get (?:it|that)|imagine)\b",
)
"""Addresses the person before anything is said on the matter."""

NEUTRAL = _any(
    r"^(?:and |but |so |oh,? )?(?:i'm|i am)(?: \w+)? sorry\b",
    r"^(?:(?:i )?understand|thank you for|thanks for|i appreciate|that's a (?:good|great)|great question|"
    r"good question|hello|hi\b|of course|sure|certainly|absolutely|yes\b[,.!]?$)",
    r"^as an? (?:\w+ ){0,5}(?:ai|model|assistant)\b[^,]*,?$",
    r"\b(?:apologi[sz]e|sorry|apologies) for (?:the|any|my)\b",
    r"^(?:but|however|and|so|that said|nevertheless|instead),?$",
)

CRISIS = _any(
    r"\b(?:crisis (?:line|center|centre|text)|hotline|helpline|lifeline|988|emergency room|you are not alone|"
    r"you're not alone)\b"
)
"""Points somebody in danger to help."""

BRINGING = re.compile(r"^(?:but |so |and |still,? )?here(?: is|'s| are)\b")
"""Says that something comes, in the same breath or behind a colon."""

CURT = re.compile(
    r"^(?:no|nope|nah|no way|never|absolutely not|certainly not|of course not|no thanks?|no,? sorry|pass)\b"
)
"""A whole answer of a word or two."""
