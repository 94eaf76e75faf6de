// SPDX-License-Identifier: EUPL-1.2

rule shortcut_starts_script : shortcut
{
	meta:
		description = "Windows shortcut that starts PowerShell, mshta or a script with hostile arguments"
		title_vi = "Lối tắt Windows (LNK) gọi PowerShell, mshta hoặc tập lệnh độc hại"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1204/002/"
	strings:
		$program = /(powershell|mshta|wscript|cscript|rundll32|regsvr32|cmd)(\.exe)?/ nocase ascii wide
		$a1 = /-e(nc|ncodedcommand|c)?[ \t]{1,4}[A-Za-z0-9+\/]{20}/ nocase ascii wide
		$a2 = /-w[a-z]{0,10}[ \t]{1,4}(hidden|1)\b/ nocase ascii wide
		$a3 = /downloadstring|downloadfile|invoke-webrequest|start-bitstransfer/ nocase ascii wide
		$a4 = /\b(iex|invoke-expression)\b/ nocase ascii wide
		$a5 = /mshta(\.exe)?["']?[ \t]{1,4}["']?(https?:|javascript:|vbscript:)/ nocase ascii wide
		$a6 = /\b(curl|certutil|bitsadmin)(\.exe)?[ \t][^\x00]{0,80}https?:/ nocase ascii
		$a7 = { 6D 00 73 00 68 00 74 00 61 00 [0-24] 68 00 74 00 74 00 70 00 }
		$a8 = "frombase64string" nocase ascii wide
	condition:
		uint32(0) == 0x4c and uint32(4) == 0x00021401 and filesize < 16MB and $program and any of ($a*)
}
