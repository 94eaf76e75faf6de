// SPDX-License-Identifier: EUPL-1.2

rule powershell_download_cradle : script
{
	meta:
		description = "PowerShell that fetches a script from the network and runs it from memory"
		title_vi = "PowerShell tải mã từ mạng về và chạy thẳng trong bộ nhớ"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1059/001/"
	strings:
		$run_fetch = /\b(iex|invoke-expression)[ \t(&{]{1,8}(\([ \t]{0,4})?((new-object[ \t]{1,4}(system\.)?net\.webclient[ \t]{0,4}\)[ \t]{0,4}\.[ \t]{0,4}download(string|data))|(iwr|irm|curl|wget|invoke-webrequest|invoke-restmethod)[ \t]{1,4})/ nocase ascii wide
		$fetch_run = /(\.download(string|data)[ \t]{0,4}\([^)\r\n]{1,200}\)|\b(iwr|irm|invoke-webrequest|invoke-restmethod)[ \t][^|\r\n]{4,200})[ \t)]{0,8}\|[ \t]{0,4}(iex|invoke-expression)\b/ nocase ascii wide
		$hidden = /powershell(\.exe)?["']?[ \t]{1,4}[^\r\n]{0,120}-w[a-z]{0,10}[ \t]{1,4}(hidden|1)\b[^\r\n]{0,200}(downloadstring|downloadfile|invoke-webrequest)/ nocase ascii wide
		// how well-known installers tell everybody to start them
		$known = /\b(chocolatey\.org\/install|boxstarter\.org\/bootstrapper)\.ps1/ nocase ascii wide
	condition:
		filesize < 4MB and uint16(0) != 0x5a4d and uint32(0) != 0x464c457f and
		#run_fetch + #fetch_run + #hidden > #known
}

rule powershell_encoded_download : script
{
	meta:
		description = "PowerShell with an encoded command that fetches or runs code"
		title_vi = "PowerShell với lệnh mã hóa base64 có nội dung tải hoặc chạy mã"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1027/010/"
	strings:
		$switch = /powershell(\.exe)?["']?[ \t]{1,4}[^\r\n]{0,160}[-\/\xe2]e[a-z]{0,14}[ \t]{1,4}["']?[A-Za-z0-9+\/]{24}/ nocase ascii wide
		$a1 = "DownloadString" wide base64
		$a2 = "Net.WebClient" wide base64
		$a3 = "Invoke-Expression" wide base64
		$a4 = "DownloadFile" wide base64
		$a5 = "FromBase64String" wide base64
		$a6 = "Invoke-WebRequest" wide base64
		$a7 = "Net.Sockets.TCPClient" wide base64
	condition:
		filesize < 4MB and $switch and any of ($a*)
}

rule powershell_shellcode : script
{
	meta:
		description = "PowerShell that puts machine code into memory and starts it"
		title_vi = "PowerShell nạp mã máy vào bộ nhớ và chạy"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1055/"
	strings:
		$a = "FromBase64String" nocase ascii wide
		$b = "VirtualAlloc" ascii wide
		$c1 = "GetDelegateForFunctionPointer" nocase ascii wide
		$c2 = "CreateThread" ascii wide
		$d1 = "[DllImport(" nocase ascii wide
		$d2 = "GetProcAddress" ascii wide
		$e1 = "InteropServices.Marshal]" nocase ascii wide
		$e2 = "New-Object" nocase ascii wide
		$e3 = "Add-Type" nocase ascii wide
		$e4 = "Set-StrictMode" nocase ascii wide
	condition:
		filesize < 4MB and uint16(0) != 0x5a4d and uint32(0) != 0x464c457f and uint32(0) != 0x04034b50 and $a and $b and
		any of ($c*) and any of ($d*) and any of ($e*)
}
